"""Where the condyle's apex and head lie, and the clip about the head's centre.

Apex: the highest point of the condyle (MC) within 12 mm, horizontally, of the localised centre;
on a label map without a centre, of the hinder of the mandible's two upper processes (the
coronoid in front can stand higher). Head: the part of MC connected to the apex, at most 10 mm
below it and within 14 mm of it horizontally. Head centre: its centroid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Grid, Points, Vector
from negvol_cli.mesh.distance import Scalars, Surface, lattice, nodes
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import ClipSettings, ClipShape, HeadSettings

PROCESS_HEIGHT_MM: Final = 4.0
PROCESS_MM3: Final = 100.0
PROCESS_BELOW_TOP_MM: Final = 25.0


class NoCondyleError(NegvolError):
    """There is no condyle where the joint should be."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The solid about the head centre outside which nothing is counted; frame mm."""

    centre_mm: Vector
    settings: ClipSettings

    @property
    def half_width_mm(self) -> float:
        """Half the clip's width along an axis."""
        return self.settings.width_mm / 2.0

    def depth(self, points_mm: Points) -> Scalars:
        """(N,): how far inside the clip each point (N, 3) lies, in mm; minus outside."""
        x, y, z = (points_mm - self.centre_mm).T
        if self.settings.shape is ClipShape.SPHERE:
            return np.asarray(self.half_width_mm - np.sqrt(x * x + y * y + z * z))
        far = np.maximum(np.maximum(np.abs(x), np.abs(y)), np.abs(z))
        return np.asarray(self.half_width_mm - far)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The condylar head as a closed mesh, with its volume, centroid and vertices.

    ``of_condyle`` (V,) says which vertices of the whole condyle's mesh belong to it.
    """

    apex_mm: Vector
    mesh: Mesh
    centre_mm: Vector
    volume_mm3: float
    of_condyle: npt.NDArray[np.bool_]


def within_reach(grid: Grid, centre_mm: Vector, radius_mm: float) -> npt.NDArray[np.bool_]:
    """(y, x): the columns of voxels within ``radius_mm``, horizontally, of ``centre_mm``."""
    x = grid.origin_mm_xyz[0] + grid.spacing_mm_xyz[0] * np.arange(grid.size_xyz[0])
    y = grid.origin_mm_xyz[1] + grid.spacing_mm_xyz[1] * np.arange(grid.size_xyz[1])
    return np.asarray(np.hypot(x - centre_mm[0], (y - centre_mm[1])[:, None]) <= radius_mm)


def condyle_seed(
    condyle_zyx: npt.NDArray[np.bool_],
    grid: Grid,
    settings: HeadSettings,
    centre_mm: Vector | None,
) -> Vector:
    """A point high on the condyle: of the largest piece within reach, or the hinder process.

    ``grid`` may not be oblique; the point is the middle of a voxel of the condyle. Raises
    ``NoCondyleError`` where there is none.
    """
    if centre_mm is None:
        return hinder_process(condyle_zyx, grid)
    near = condyle_zyx & within_reach(grid, centre_mm, settings.apex_radius_mm)
    if not near.any():
        raise NoCondyleError(
            f"no mandibular condyle was found within {settings.apex_radius_mm:g} mm of the joint's "
            "centre, so this joint cannot be measured; check the scan's field of view"
        )
    labels, count = ndimage.label(condyle_zyx)
    if count > 1:
        size = np.bincount(labels[near], minlength=count + 1)
        near &= labels == int(np.argmax(size))
    return _on_mask(near, grid)


def hinder_process(condyle_zyx: npt.NDArray[np.bool_], grid: Grid) -> Vector:
    """The top of the hinder of the mandible's upper processes; world or frame mm of ``grid``.

    A process is a part that rises at least 4 mm above where it joins a higher one, holds at
    least 100 mm³ and ends at most 25 mm below the highest. Of these the one farthest to
    posterior (+y) is the condylar process; a mandible without two has only that. Raises
    ``NoCondyleError`` where there is none.
    """
    step_mm = grid.spacing_mm_xyz[2]
    peaks = [
        peak
        for peak in _peaks(condyle_zyx)
        if peak.layers * step_mm >= PROCESS_HEIGHT_MM
        and peak.voxels * grid.voxel_mm3 >= PROCESS_MM3
    ]
    if not peaks:
        raise NoCondyleError(
            "the label of the mandible holds no condylar process of at least "
            f"{PROCESS_MM3:g} mm³, so this joint cannot be measured; check the label map"
        )
    tops = grid.to_world([peak.top_xyz for peak in peaks])
    high = tops[:, 2] >= tops[:, 2].max() - PROCESS_BELOW_TOP_MM
    x, y, z = tops[int(np.argmax(np.where(high, tops[:, 1], -np.inf)))]
    return (float(x), float(y), float(z))


@dataclass(slots=True)
class _Peak:
    """A part of the mask above a level: its top voxel, voxels and layers, while they grow."""

    top_xyz: tuple[int, int, int]
    voxels: int = 0
    layers: int = 0


def _peaks(mask_zyx: npt.NDArray[np.bool_]) -> list[_Peak]:
    """The peaks of a mask, each up to where it joins a higher one (merge tree by layers)."""
    found: list[_Peak] = []
    above = np.zeros(mask_zyx.shape[1:], dtype=np.int32)  # 1 + index into alive
    alive: list[_Peak] = []
    for k in range(mask_zyx.shape[0] - 1, -1, -1):
        layer, count = ndimage.label(mask_zyx[k])
        joined = np.unique(np.stack([layer, above])[:, (layer > 0) & (above > 0)], axis=1)
        grown: list[_Peak] = []
        for region in range(1, count + 1):
            parents = {id(p): p for p in (alive[i - 1] for i in joined[1][joined[0] == region])}
            size = int((layer == region).sum())
            if parents:
                elder = max(parents.values(), key=lambda p: (p.top_xyz[2], p.voxels))
            else:
                y, x = np.nonzero(layer == region)
                i = int(np.argmin(np.hypot(y - y.mean(), x - x.mean())))
                elder = _Peak((int(x[i]), int(y[i]), k))
                found.append(elder)
            elder.voxels += size
            elder.layers = elder.top_xyz[2] - k + 1
            grown.append(elder)
        above, alive = layer, grown
    return found


def _on_mask(mask_zyx: npt.NDArray[np.bool_], grid: Grid) -> Vector:
    """The voxel of the uppermost layer that lies closest to that layer's middle."""
    k = int(np.flatnonzero(mask_zyx.any(axis=(1, 2)))[-1])
    y, x = np.nonzero(mask_zyx[k])
    i = int(np.argmin(np.hypot(y - y.mean(), x - x.mean())))
    px, py, pz = grid.to_world((x[i], y[i], k))
    return (float(px), float(py), float(pz))


def apex_of(condyle: Mesh, near_mm: Vector, radius_mm: float) -> Vector:
    """The highest vertex of the condyle within ``radius_mm``, horizontally, of ``near_mm``.

    Raises ``NoCondyleError`` where no vertex lies there.
    """
    offset = condyle.points_mm[:, :2] - near_mm[:2]
    height = np.where(
        np.hypot(offset[:, 0], offset[:, 1]) <= radius_mm, condyle.points_mm[:, 2], -np.inf
    )
    if not np.isfinite(height).any():
        raise NoCondyleError(
            f"the condyle's surface does not come within {radius_mm:g} mm of the joint's centre, "
            "so this joint cannot be measured; check the segmentation"
        )
    x, y, z = condyle.points_mm[int(np.argmax(height))]
    return (float(x), float(y), float(z))


def condylar_head(
    condyle: Mesh, surface: Surface, apex_mm: Vector, settings: HeadSettings, spacing_mm: float
) -> Head:
    """The head under ``apex_mm``; ``surface`` is the condyle's, sampled at ``spacing_mm``."""
    apex = np.array(apex_mm)
    reach = np.array([settings.radius_mm, settings.radius_mm, settings.depth_mm])
    margin = 2.0 * spacing_mm
    above = reach * (1.0, 1.0, 0.0)
    grid = lattice(apex - reach - margin, apex + above + margin, spacing_mm)
    room = _head_room(nodes(grid), apex, settings).reshape(grid.shape_zyx)
    field = np.minimum(room, -surface.field(grid, 3.0 * spacing_mm).values_zyx)

    labels, _ = ndimage.label(field > 0)
    index = grid.to_index(apex)[::-1]
    _, seed = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    k, j, i = (int(n) for n in np.clip(np.rint(index), 0, np.array(grid.shape_zyx) - 1))
    own = int(labels[tuple(seed[:, k, j, i])])
    if own == 0:
        raise NoCondyleError(
            "the condyle is too small to have a head, so this joint cannot be measured; "
            "check the segmentation"
        )
    mesh = iso_surface(np.where((labels == own) | (labels == 0), field, -margin), grid, 0.0)

    candidates = np.flatnonzero(_head_room(condyle.points_mm, apex, settings) >= 0)
    close = ndimage.binary_dilation(labels == own, np.ones((3, 3, 3)))
    nearest = np.rint(grid.to_index(condyle.points_mm[candidates])).astype(int)
    of_condyle = np.zeros(len(condyle.points_mm), dtype=np.bool_)
    of_condyle[candidates] = close[nearest[:, 2], nearest[:, 1], nearest[:, 0]]
    return Head(apex_mm, mesh, mesh.centroid_mm, mesh.volume_mm3, of_condyle)


def _head_room(points_mm: Points, apex_mm: Points, settings: HeadSettings) -> Scalars:
    """How far inside the cylinder under the apex each point (N, 3) lies, in mm; minus outside."""
    offset = points_mm - apex_mm
    aside = settings.radius_mm - np.hypot(offset[:, 0], offset[:, 1])
    return np.asarray(np.minimum(aside, settings.depth_mm + offset[:, 2]))
