"""Probabilities whose level of one half is a surface that was moved."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector, Volume
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.distance import Scalars, axes, beside_points, nodes_at
from negvol_cli.mesh.mesh import Mesh, unit

Floats32 = npt.NDArray[np.float32]

BAND_MM: Final = 1.0
"""The distance from the surface at which a probability is 0 or 1."""
SEEN_MM: Final = 1.25
"""How far the nearest vertices of the moved surface are looked for: they may lie up to 0.75 mm to
the side of a voxel in the band. Where the surface was moved by more than this less ``ASIDE_MM``,
farther, so that no voxel that changed sides is missed."""
ASIDE_MM: Final = 0.25
NEAREST: Final = 2
"""The vertices over which a voxel's distance from the surface is averaged."""
HAIRLINE: Final = np.float32(0.02)
"""Between two bones that touch: what their probabilities must leave over."""


def moved_probability(
    before: Volume, moved: Mesh, moved_by_mm: float, middle_mm: Vector, reach_mm: float
) -> Floats32:
    """The probability ``before`` with its surface where ``moved`` is, near ``middle_mm``.

    ``moved`` is the mesh of the surface at one half, its vertices moved by up to ``moved_by_mm``;
    they lie closer together than the voxels, so a voxel's distance is that from the planes through
    the two nearest: good to 0.02 mm at the curvature of a condyle. Beyond ``reach_mm`` nothing
    changes. The volume's grid lies along the axes.
    """
    p_zyx, grid = before.values_zyx, before.grid
    inside = p_zyx >= 0.5
    x, y, z = axes(grid)
    right, back, up = middle_mm
    across = (x - right) ** 2 + (y[:, None] - back) ** 2
    reached = across + (z[:, None, None] - up) ** 2 <= reach_mm**2
    farthest_mm = max(SEEN_MM, moved_by_mm + ASIDE_MM)
    near = np.flatnonzero(beside_points(moved.points_mm, grid, farthest_mm) & reached)
    met, distance = _from_planes(moved, nodes_at(grid, near), farthest_mm)
    changed = np.where(reached, inside, p_zyx).astype(np.float32)
    changed.ravel()[near[met]] = np.clip(0.5 - distance / (2 * BAND_MM), 0.0, 1.0)
    return changed


def kept_apart(condyle_p: Floats32, bone_p: Floats32) -> tuple[Floats32, Floats32]:
    """Both probabilities with no voxel of two bones: where they would meet, half way."""
    excess = np.maximum(condyle_p + bone_p - (1.0 - HAIRLINE), 0.0) / 2.0
    return condyle_p - excess, bone_p - excess


def _from_planes(
    mesh: Mesh, points: Points, farthest_mm: float
) -> tuple[npt.NDArray[np.intp], Scalars]:
    """Which of the points (N, 3) have vertices within ``farthest_mm``, and how far out they lie.

    The distance (M,) is the mean of those from the planes through the nearest vertices, the nearer
    ones counting more.
    """
    tree = PointTree(mesh.points_mm)
    far, vertex = tree.query(points, k=NEAREST, within_mm=farthest_mm)
    met = np.flatnonzero(np.isfinite(far[:, -1]))
    points, weight = points[met], 1.0 / (far[met] ** 2 + 0.01)
    normals = _normals(mesh)
    level = np.einsum("vi,vi->v", mesh.points_mm, normals)
    distance = np.zeros(len(met))
    for nearest, share in zip(
        vertex[met].T, (weight / weight.sum(axis=1, keepdims=True)).T, strict=True
    ):
        along = np.einsum("ni,ni->n", points, np.take(normals, nearest, axis=0))
        distance += share * (along - np.take(level, nearest))
    return met, distance


def _normals(mesh: Mesh) -> Points:
    """(V, 3): unit normals, the triangles' weighted by area: moved slivers do not turn them."""
    a, b, c = (mesh.points_mm[mesh.triangles[:, i]] for i in range(3))
    doubled = np.cross(b - a, c - a)
    summed = np.zeros_like(mesh.points_mm)
    for corner in mesh.triangles.T:
        for axis in range(3):
            summed[:, axis] += np.bincount(corner, doubled[:, axis], minlength=len(summed))
    return unit(summed)
