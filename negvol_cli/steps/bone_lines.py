"""A bone's surface as it was drawn, and the lines across it that tell where the bone ends.

At points of the surface the scan's own voxels along the normal are explained by layers of known
blur (``edge_fit``), leaning on what is usual in the joint (``edge_usual``), which some of the lines
are asked for first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Volume, crop
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.steps.edge_field import moved_probability
from negvol_cli.steps.edge_fit import (
    CORTEX_MM,
    CORTEX_SPREAD_MM,
    EDGE_LIMITS_MM,
    EDGE_MM,
    EDGE_SPREAD_MM,
    LINE_SPREAD,
    THIN_MM,
    EdgeFit,
    Levels,
    Widths,
    fit_edges,
)
from negvol_cli.steps.edge_points import APART_MM, curvature, evened_normals, spread_points
from negvol_cli.steps.edge_profiles import Sight, look_along, read_profiles
from negvol_cli.steps.edge_smoothing import neighbours, spread_over, steadied
from negvol_cli.steps.edge_usual import (
    CORTEX_SPREAD,
    DIMMER,
    THICK,
    TRIED,
    USUAL,
    Kernel,
    by_themselves,
    dimmer_by,
    nearness_to_top,
    usual_edges,
    usual_thickness,
)
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.scanner import BOX_SD, Scanner

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

REACH_MM: Final = 19.0
"""From the head that was segmented: the clip's 15 mm, and how far off its centre may lie."""
FADE_MM: Final = 3.0
"""Over which, beyond that reach, edges go back to the networks'."""
EVERY: Final = 7
"""One line in seven is asked for what all of them share: the level of cortex, by how much it dims
towards the condyle's top, the usual edge, how thick it usually is."""
SURE: Final = 0.7
"""Of the spread that is expected: a line whose edge, or thickness, is less certain owes more than
half of it to what was expected, and says nothing of what is usual."""
NOISY_HU: Final = 50.0
"""From this noise on lines are averaged with their neighbours: one alone then tells no more of its
edge than was expected of it. Two real heads in a cone-beam machine (120 to 217 HU), outlined as in
the CT, had edges 0.14 to 0.39 mm farther out than in the CT; averaged, 0.02 to 0.11 mm."""


@dataclass(frozen=True, slots=True, eq=False)
class BoneEdges:
    """The edges of one bone: V points in frame mm that were fitted, and what was found there.

    ``points_mm`` lie on the edge. ``sd_mm`` is an edge's standard deviation, neighbours taken into
    account; ``thickness_mm`` that of the cortex, or of the whole plate where it is thin.
    ``explained`` is false where half of the local peak had to stand in for a fit.
    """

    points_mm: Points
    normals: Points
    moved_mm: Floats
    sd_mm: Floats
    thickness_mm: Floats
    explained: npt.NDArray[np.bool_]
    cortex_hu: float


class Cortex(NamedTuple):
    """The level of thick cortex, HU, and what it would be had it been expected dimmer."""

    hu: float
    dimmer_hu: float


class BoneLines:
    """One bone's surface by the networks, and the points of it that are looked at."""

    def __init__(
        self, images: JointImages, own_p: Floats32, other_p: Floats32, ct: Volume, scanner: Scanner
    ) -> None:
        frame, self._middle_mm = images.frame, images.head_mm
        self._own_p, self._frame_grid, self._scanner = own_p, frame.local_grid, scanner
        self._half_mm = REACH_MM + FADE_MM + frame.spacing_mm
        self._part, self._grid = crop(own_p, frame.local_grid, self._middle_mm, self._half_mm)
        self._mesh = iso_surface(self._part, self._grid, 0.5)
        self._normals = evened_normals(self._mesh)
        chosen = spread_points(self._mesh.points_mm, self._normals, self._middle_mm, REACH_MM)
        self._points, self._ways = self._mesh.points_mm[chosen], self._normals[chosen]
        padding = scanner.air_hu - 0.4 * (scanner.tissue_hu - scanner.air_hu)
        seen = read_profiles(ct, frame, self._points, self._ways, padding)
        self._seen = seen if scanner.cut_hu is None else seen.below(scanner.cut_hu)
        self._sight = look_along(self._points, self._ways, own_p, other_p, frame.local_grid)
        ways = (frame.to_world(self._ways) - frame.to_world(np.zeros(3))) @ ct.grid.rotation
        self._in_scan, self._along_mm = ways, scanner.width_along(ways)
        width = self._along_mm
        self._near = neighbours(self._points, self._ways)
        self._averaged = self._near is not None and scanner.noise_hu > NOISY_HU * scanner.gain
        if self._near is not None and self._averaged:
            self._seen = self._seen.averaged(self._near)
            # voxels lie up to half a voxel off the depth that they are averaged at
            off = np.linalg.norm(ways * ct.grid.spacing_mm_xyz, axis=1) * BOX_SD
            width = np.hypot(width, off)
        self._read_widths = Widths(width, scanner.half_along(ways))
        self._edge_mm, self._cortex_mm = np.full(len(self._points), EDGE_MM), CORTEX_MM
        self._curvature = curvature(self._points, self._ways, self._near)
        self.seen_through(USUAL)
        self._near_top, self._dimmer = np.zeros(len(self._points)), 0.0

    def dims_to_top(self) -> None:
        """Expect dimmer cortex towards the top: this is the condyle."""
        self._near_top = nearness_to_top(self._points, self._middle_mm)
        self._dimmer = DIMMER

    def forget_thickness(self) -> None:
        """Expect what is usual in other joints: where thinner cortex is, less shows its level."""
        self._cortex_mm = CORTEX_MM

    @property
    def back_mm(self) -> Floats:
        """(V,): how deep the bone is by the networks behind each point."""
        return self._sight.back_mm

    def faces(self, other: BoneLines) -> Indices:
        """(V,): the point of ``other`` at which each line outwards ends; -1 if in reach none."""
        ends = self._sight.opposite_mm
        if not len(ends) or not len(other._points):
            return np.full(len(ends), -1)
        met = self._points + np.where(np.isfinite(ends), ends, 0.0)[:, None] * self._ways
        far, index = PointTree(other._points).query(met)
        return np.where(np.isfinite(ends) & (far < APART_MM), index, -1)

    def seen_through(self, kernel: Kernel) -> None:
        """Expect lines to be blurred by another kernel than was read off the scan."""
        read, scanner = self._read_widths, self._scanner
        ring = scanner.ring_along(self._in_scan) if kernel.overshoot else None
        half = None if read.half_mm is None else kernel.width * read.half_mm
        self._widths = Widths(kernel.width * read.sd_mm, half, kernel.overshoot, ring)
        blur = kernel.width**2 * (np.sum(np.square(scanner.blur_mm_xyz)) - self._along_mm**2)
        if ring is not None:
            blur -= kernel.overshoot * (np.sum(scanner.ring_along(np.eye(3)) ** 2) - ring**2)
        # a kernel draws a curved edge towards the centre of its curvature (heat equation)
        self._bend = 0.25 * blur * self._curvature

    def look(self, cortex_hu: float) -> Floats:
        """The level of thick cortex on those of some lines that show one, HU.

        Where the lines' edge usually lies, and how thick cortex usually is, is kept for ``edges``.
        """
        some = slice(None, None, EVERY)
        fit = self._fit(cortex_hu, some, CORTEX_SPREAD)
        before = (CORTEX_SPREAD * (cortex_hu - self._scanner.tissue_hu)) ** 2
        told = before / fit.cortex_variance > 5.0
        width = self._widths.sd_mm
        told &= fit.explained & (fit.thickness_mm > THICK * width[some])
        # of a thin plate all is seen, and its thickness expected to be the networks'
        thick = fit.explained & (fit.thickness_sd_mm < SURE * CORTEX_SPREAD_MM)
        thick &= self._sight.back_mm[some] >= THIN_MM
        alone, _ = by_themselves(
            fit.thickness_mm[thick], fit.thickness_sd_mm[thick], self._cortex_mm, CORTEX_SPREAD_MM
        )
        self._cortex_mm = usual_thickness(alone)
        sure = fit.explained & (fit.sd_mm < SURE * EDGE_SPREAD_MM)
        expected = self._edge_mm[some][sure]
        alone, own = by_themselves(fit.edge_mm[sure], fit.sd_mm[sure], expected, EDGE_SPREAD_MM)
        alone = np.clip(alone, *EDGE_LIMITS_MM)
        self._edge_mm = usual_edges(alone, own, width[some][sure], width)
        return fit.cortex_hu[told]

    def learn(self, cortex_hu: float) -> None:
        """What is usual, now that thick cortex is known to show ``cortex_hu``, for ``edges``."""
        self.look(cortex_hu)
        some = np.flatnonzero(self._near_top > 0)[::EVERY]
        if not len(some):
            return
        costs = []
        for tried in TRIED:
            self._dimmer = tried
            costs.append(self._fit(cortex_hu, some).cost)
        self._dimmer = dimmer_by(np.array(costs))

    def costs(self, cortex_hu: float, kernel: Kernel) -> Floats:
        """(N,): what the fits of some lines cost where thick cortex shows ``cortex_hu``."""
        self.seen_through(kernel)
        return self._fit(cortex_hu, slice(None, None, EVERY)).cost

    def edges(self, cortex: Cortex) -> tuple[BoneEdges, Floats]:
        """The edges at the points looked at, steadied; ``points_mm`` still the networks'.

        And (N,) how far outwards those of some lines would come with the dimmer level, mm.
        """
        fit, some = self._fit(cortex.hu, slice(None)), slice(None, None, EVERY)
        dimmer = self._fit(cortex.dimmer_hu, some)
        away = (dimmer.edge_mm - fit.edge_mm[some])[dimmer.explained & fit.explained[some]]
        moved, sd = steadied(
            self._near, fit.edge_mm + self._bend, fit.sd_mm, alone=not self._averaged
        )
        thick, explained = fit.thickness_mm, fit.explained
        return BoneEdges(self._points, self._ways, moved, sd, thick, explained, cortex.hu), away

    def moved(self, edges: BoneEdges) -> Floats32:
        """The bone's probability with its surface moved to ``edges``."""
        mesh = self._mesh
        far = np.linalg.norm(mesh.points_mm - self._middle_mm, axis=1)
        reached = np.flatnonzero(far < REACH_MM + FADE_MM)
        if not len(reached) or not len(edges.points_mm):
            return self._own_p
        fade = np.clip((REACH_MM + FADE_MM - far[reached]) / FADE_MM, 0.0, 1.0)
        by = spread_over(
            edges.points_mm,
            edges.normals,
            mesh.points_mm[reached],
            self._normals[reached],
            edges.moved_mm,
        )
        points = mesh.points_mm.copy()
        way = fade * by
        points[reached] += way[:, None] * self._normals[reached]
        mesh = Mesh(points, mesh.triangles)
        changed = self._own_p.copy()
        part, _ = crop(changed, self._frame_grid, self._middle_mm, self._half_mm)
        part[...] = moved_probability(
            Volume(self._part, self._grid),
            mesh,
            float(np.abs(way).max()),
            self._middle_mm,
            REACH_MM + FADE_MM,
        )
        return changed

    def _fit(self, cortex_hu: float, some: slice | Indices, spread: float = LINE_SPREAD) -> EdgeFit:
        scanner, seen, sight = self._scanner, self._seen, self._sight
        levels = Levels(
            air=scanner.air_hu,
            tissue=scanner.tissue_hu,
            cortex=cortex_hu,
            noise=scanner.noise_hu,
            cortex_spread=spread,
            cortex_share=1.0 - self._dimmer * self._near_top[some],
        )
        ahead = Sight(sight.opposite_mm[some], sight.back_mm[some])
        widths = self._widths.of(some)
        edge_mm = self._edge_mm[some]
        return fit_edges(seen.of(some), ahead, levels, widths, edge_mm, self._cortex_mm)
