"""Signed distances from a triangle mesh, and fields of them on a lattice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Points
from negvol_cli.geometry.near import within
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.mesh import Mesh, unit
from negvol_cli.mesh.rings import Rings

Scalars = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ON_SURFACE_MM: Final = 1e-6
"""Points nearer than this have no direction of their own: the surface's normal is taken."""

CHUNK: Final = 8192  # points at a time: what is worked on stays in a core's cache

HALF_CELL: Final = float(np.sqrt(3.0) / 2.0)
"""How far a point can be from the nearest node of a lattice, in its spacing."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The surface points closest to N given points.

    Attributes
    ----------
    points_mm
        The closest points (N, 3).
    distance_mm
        The signed distances (N,), negative inside.
    outward
        The unit directions (N, 3) out of the surface there, through the given points.

    Where the surface is farther than was searched, the distance is infinite and the rest is NaN.
    """

    distance_mm: Scalars
    point_mm: Points
    outward: Points


class Surface:
    """A closed mesh, prepared for distance queries.

    The closest point is searched on the triangles around the closest vertex. For distances that
    matter, this is exact on triangles of even shape, such as remeshing and marching cubes make; the
    tests say how exact.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._rings = Rings(mesh)
        self._tree = PointTree(mesh.points_mm)

    def nearest(self, points_mm: Points, within_mm: float = np.inf) -> Nearest:
        """Find the closest surface point to each point (N, 3) within ``within_mm``."""
        distance = np.full(len(points_mm), np.inf)
        closest, outward = np.full((2, len(points_mm), 3), np.nan)
        for part, vertex in self._near(points_mm, within_mm):
            near = self._on_rings(points_mm[part], vertex)
            distance[part], closest[part] = near.distance_mm, near.point_mm
            outward[part] = near.outward
        return Nearest(distance, closest, outward)

    def field(self, grid: Grid, band_mm: float, asked_zyx: Mask | None = None) -> Field:
        """Return the signed distance at the nodes of ``grid``, limited to ``band_mm``.

        Where ``asked_zyx`` is false it is ``band_mm``, and not to be relied on.
        """
        asked_zyx = np.ones(grid.shape_zyx, dtype=np.bool_) if asked_zyx is None else asked_zyx
        asked = np.flatnonzero(asked_zyx & beside_points(self._mesh.points_mm, grid, band_mm))
        points = nodes_at(grid, asked)
        distance = np.full(grid.shape_zyx, np.inf)
        for part, vertex in self._near(points, band_mm):
            found, _, _ = self._signed(points[part], vertex)
            distance.ravel()[asked[part]] = found
        return Field(_filled(distance, band_mm, asked_zyx), grid)

    def _near(
        self, points_mm: Points, within_mm: float
    ) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Which of the points (N, 3) have a vertex ``within_mm``, and which, a chunk at a time."""
        reach, vertex = self._tree.query(points_mm, within_mm=within_mm)
        found = np.flatnonzero(np.isfinite(reach))
        for first in range(0, len(found), CHUNK):
            part = found[first : first + CHUNK]
            yield part, vertex[part]

    def _on_rings(self, points_mm: Points, vertex: npt.NDArray[np.intp]) -> Nearest:
        """The closest of the triangles around a vertex (N,) of each point (N, 3)."""
        distance, foot, normal = self._signed(points_mm, vertex)
        offset = np.where(distance < 0, -1.0, 1.0)[:, None] * (points_mm - foot)
        on_it = np.abs(distance) < ON_SURFACE_MM
        return Nearest(distance, foot, unit(np.where(on_it[:, None], normal, offset)))

    def _signed(
        self, points_mm: Points, vertex: npt.NDArray[np.intp]
    ) -> tuple[Scalars, Points, Points]:
        """Signed distances (N,), closest points (N, 3), and the surface's normals there."""
        feet = self._rings.feet(points_mm, vertex)
        foot, normal = feet.blend(self._mesh.points_mm), feet.blend(self._mesh.vertex_normals())
        outside = np.einsum("ij,ij->i", points_mm - foot, normal) >= 0
        far = np.sqrt(np.maximum(feet.squared, 0.0))
        return np.where(outside, far, -far), foot, normal


def beside_points(points_mm: Points, grid: Grid, within_mm: float) -> Mask:
    """[z, y, x]: the nodes of a grid along the axes that may be ``within_mm`` of points (N, 3)."""
    reach = within_mm / min(grid.spacing_mm_xyz) + HALF_CELL
    margin = int(np.ceil(reach))
    at = np.rint((points_mm - grid.origin_mm_xyz) / grid.spacing_mm_xyz).astype(np.int64) + margin
    size = np.array(grid.size_xyz) + 2 * margin
    x, y, z = at[((at >= 0) & (at < size)).all(axis=1)].T
    held = np.zeros(size[::-1], dtype=np.bool_)
    held[z, y, x] = True
    inner = slice(margin, -margin)
    return within(held, reach)[inner, inner, inner]


def _filled(distance_zyx: Scalars, band_mm: float, asked_zyx: Mask) -> Scalars:
    """Infinite distances made ``band_mm``, with the sign of the finite ones around them."""
    distance_zyx[~asked_zyx] = band_mm
    labels, count = ndimage.label(np.isinf(distance_zyx))
    beside = ndimage.maximum_filter(labels, footprint=ndimage.generate_binary_structure(3, 1))
    rim = (labels == 0) & (beside > 0) & asked_zyx
    votes = np.bincount(beside[rim], np.sign(distance_zyx[rim]), minlength=count + 1)
    far = np.where(votes < 0, -band_mm, band_mm)[labels]
    return np.where(labels > 0, far, np.clip(distance_zyx, -band_mm, band_mm))


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Values [z, y, x] at the nodes of a grid along the axes, linearly interpolated in between."""

    values_zyx: npt.NDArray[np.floating]
    grid: Grid

    def __call__(self, points_mm: Points) -> Scalars:
        """Return the values (N,) at points (N, 3); beyond the grid, those of its border."""
        index = (points_mm - self.grid.origin_mm_xyz) / self.grid.spacing_mm_xyz
        return np.asarray(
            ndimage.map_coordinates(self.values_zyx, index.T[::-1], order=1, mode="nearest")
        )


def lattice(low_mm: npt.ArrayLike, high_mm: npt.ArrayLike, spacing_mm: float) -> Grid:
    """Return a grid along the axes, ``low_mm`` to ``high_mm``, at multiples of ``spacing_mm``."""
    low = np.floor(np.asarray(low_mm) / spacing_mm).astype(int)
    high = np.ceil(np.asarray(high_mm) / spacing_mm).astype(int)
    nx, ny, nz = (int(n) for n in high - low + 1)
    x, y, z = (float(n) for n in low * spacing_mm)
    return Grid((nx, ny, nz), (spacing_mm,) * 3, (x, y, z))


def nodes(grid: Grid) -> Points:
    """Return the points (N, 3) of a grid along the axes, in the order of its raveled array."""
    z, y, x = np.meshgrid(*axes(grid)[::-1], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def nodes_at(grid: Grid, index: npt.NDArray[np.intp]) -> Points:
    """The points (N, 3) among ``nodes`` that have these indices (N,)."""
    x, y, z = axes(grid)
    k, j, i = np.unravel_index(index, grid.shape_zyx)
    return np.stack([x[i], y[j], z[k]], axis=1)


def axes(grid: Grid) -> tuple[Scalars, Scalars, Scalars]:
    """Where the nodes of a grid along the axes lie along x, y and z, mm."""
    x, y, z = (
        origin + spacing * np.arange(size, dtype=np.float64)
        for origin, spacing, size in zip(
            grid.origin_mm_xyz, grid.spacing_mm_xyz, grid.size_xyz, strict=True
        )
    )
    return x, y, z
