"""Where the condyle's apex and head lie, and the clip about the head's centre.

All of it is about the condylar process's own axis (``process_axis``), which is found from the
localised centre or, on a label map without one, from the posterior of the mandible's two upper
processes (the coronoid in front can stand higher). Apex: the point of the condyle (MC) farthest
along the axis within 12 mm of it. Head: the part of MC at most 10 mm below the level of the apex
and within 14 mm of the axis, the largest piece of it. Head centre: its centroid.

Only the apex's level counts for the head: on a flat condyle the apex itself jumps from one pole
to the other, and a cylinder about it would cut off the pole across.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Grid, Points, Vector, box_about, vector
from negvol_cli.mesh.distance import Scalars, Surface, axes, lattice, nodes
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import ClipSettings, ClipShape, HeadSettings
from negvol_cli.steps.process_axis import Axis

PROCESS_HEIGHT_MM: Final = 4.0
"""The condylar process of the reference joints rises 13 to 22 mm above the notch; bumps do not."""

PROCESS_MM3: Final = 100.0
"""Less than half of the smallest condylar head that is believed (``checks``)."""

PROCESS_BELOW_TOP_MM: Final = 25.0
"""How much higher the coronoid process may stand in a head that is tilted back, and more."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The solid around the head centre outside which nothing is counted; frame mm."""

    centre_mm: Vector
    settings: ClipSettings

    @property
    def half_width_mm(self) -> float:
        """Half the width of the clip along an axis."""
        return self.settings.width_mm / 2.0

    def depth(self, points_mm: Points) -> Scalars:
        """Return how far inside the clip each point (N, 3) lies, in mm; negative outside."""
        return self._depth(*(points_mm - self.centre_mm).T)

    def depth_on(self, grid: Grid) -> Scalars:
        """The same of the nodes of a grid along the axes, [z, y, x]."""
        x, y, z = (a - middle for a, middle in zip(axes(grid), self.centre_mm, strict=True))
        return self._depth(x, y[:, None], z[:, None, None])

    def _depth(self, x: Scalars, y: Scalars, z: Scalars) -> Scalars:
        """Of offsets from the centre that are broadcast to each other."""
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
    """Find a point high on the condyle: on the largest piece within reach, or the condylar process.

    ``grid`` may not be oblique; the point is the centre of a voxel of the condyle.

    Raises
    ------
    NoCondyleError
        There is no condyle.
    """
    if centre_mm is None:
        return condylar_process(condyle_zyx, grid)
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


def condylar_process(condyle_zyx: npt.NDArray[np.bool_], grid: Grid) -> Vector:
    """Find the top of the condylar process; world or frame mm of ``grid``.

    A process is a part that rises at least 4 mm above where it joins a higher one, has at least
    100 mm³ and ends at most 25 mm below the highest. The one farthest to posterior (+y) is the
    condylar process; a mandible without two has only that.

    Raises
    ------
    NoCondyleError
        There is no process.
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
            "the label of the mandible contains no condylar process of at least "
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
    if not mask_zyx.any():
        return found
    places = box_about(mask_zyx)
    bottom, first_y, first_x = (place.start for place in places)
    above = np.zeros(mask_zyx[places].shape[1:], dtype=np.int32)  # 1 + index into alive
    alive: list[_Peak] = []
    for k in range(places[0].stop - 1, bottom - 1, -1):
        layer, count = ndimage.label(mask_zyx[k][places[1:]])
        both = (layer > 0) & (above > 0)
        joined = np.unique(layer[both] * (len(alive) + 1) + above[both])
        below, index = np.divmod(joined, len(alive) + 1)
        sizes = np.bincount(layer.ravel(), minlength=count + 1)
        grown: list[_Peak] = []
        for region in range(1, count + 1):
            parents = {id(p): p for p in (alive[i - 1] for i in index[below == region])}
            if parents:
                elder = max(parents.values(), key=lambda p: (p.top_xyz[2], p.voxels))
            else:
                y, x = np.nonzero(layer == region)
                i = int(np.argmin(np.hypot(y - y.mean(), x - x.mean())))
                elder = _Peak((int(x[i]) + first_x, int(y[i]) + first_y, k))
                found.append(elder)
            elder.voxels += int(sizes[region])
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


def apex_of(condyle: Mesh, axis: Axis, radius_mm: float) -> Vector:
    """Return the vertex of the condyle farthest along the axis, within ``radius_mm`` of the axis.

    Raises
    ------
    NoCondyleError
        No vertex lies there.
    """
    level = np.where(
        axis.across(condyle.points_mm) <= radius_mm, axis.along(condyle.points_mm), -np.inf
    )
    if not np.isfinite(level).any():
        raise NoCondyleError(
            f"the condyle's surface does not come within {radius_mm:g} mm of its own axis, "
            "so this joint cannot be measured; check the segmentation"
        )
    return vector(condyle.points_mm[int(np.argmax(level))])


def condylar_head(
    condyle: Mesh,
    surface: Surface,
    axis: Axis,
    apex_mm: Vector,
    *,
    settings: HeadSettings,
    spacing_mm: float,
) -> Head:
    """Return the condylar head below the level of ``apex_mm``; ``surface`` is the condyle's.

    It is found on a lattice of ``spacing_mm``.

    Raises
    ------
    NoCondyleError
        Nothing is left of the condyle there.
    """
    cylinder = _Cylinder.under(apex_mm, axis, settings, 2.0 * spacing_mm)
    grid = lattice(*cylinder.box_mm(2.0 * spacing_mm), spacing_mm)
    room = cylinder.depth(nodes(grid)).reshape(grid.shape_zyx)
    field = np.minimum(room, -surface.field(grid, 3.0 * spacing_mm).values_zyx)

    labels, count = ndimage.label(field > 0)
    if count == 0:
        raise NoCondyleError(
            "the condyle is too small to have a head, so this joint cannot be measured; "
            "check the segmentation"
        )
    own = int(np.argmax(np.bincount(labels[labels > 0])))
    mesh = iso_surface(np.where((labels == own) | (labels == 0), field, -spacing_mm), grid, 0.0)

    candidates = np.flatnonzero(cylinder.depth(condyle.points_mm) >= 0)
    close = ndimage.binary_dilation(labels == own, np.ones((3, 3, 3)))
    nearest = np.rint(grid.to_index(condyle.points_mm[candidates])).astype(int)
    i, j, k = np.clip(nearest, 0, np.array(grid.size_xyz) - 1).T
    of_condyle = np.zeros(len(condyle.points_mm), dtype=np.bool_)
    of_condyle[candidates] = close[k, j, i]
    return Head(apex_mm, mesh, mesh.centroid_mm, mesh.volume_mm3, of_condyle)


@dataclass(frozen=True, slots=True)
class _Cylinder:
    """The room of a head about its axis: levels along the axis, and a radius, in mm."""

    axis: Axis
    bottom_mm: float
    top_mm: float
    radius_mm: float

    @classmethod
    def under(
        cls, apex_mm: Vector, axis: Axis, settings: HeadSettings, spare_mm: float
    ) -> _Cylinder:
        """``spare_mm`` above the apex, so that its end does not flatten a head's top.

        Without an end, what rises higher beyond 12 mm, such as a ramus that was taken for a
        condyle, would belong to the head however far it went.
        """
        level = float(axis.along(np.array([apex_mm]))[0])
        return cls(axis, level - settings.depth_mm, level + spare_mm, settings.radius_mm)

    def depth(self, points_mm: Points) -> Scalars:
        """(N,): how far inside the cylinder each point (N, 3) lies, in mm; minus outside."""
        along = self.axis.along(points_mm)
        ends = np.minimum(along - self.bottom_mm, self.top_mm - along)
        return np.asarray(np.minimum(ends, self.radius_mm - self.axis.across(points_mm)))

    def box_mm(self, margin_mm: float) -> tuple[Points, Points]:
        """The lowest and highest corner (3,) of the box about it, ``margin_mm`` wider."""
        up = np.array(self.axis.up)
        ends = self.axis.through_mm + np.outer([self.bottom_mm, self.top_mm], up)
        aside = self.radius_mm * np.sqrt(np.maximum(1.0 - up * up, 0.0)) + margin_mm
        return ends.min(axis=0) - aside, ends.max(axis=0) + aside
