"""Probabilities whose level of one half is a surface that was moved."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from negvol_cli.geometry.grid import Grid, Points, Vector
from negvol_cli.mesh.distance import LEAF
from negvol_cli.mesh.mesh import Mesh, unit

Floats32 = npt.NDArray[np.float32]

BAND_MM: Final = 1.0
"""The distance from the surface at which a probability is 0 or 1."""
FARTHEST_MM: Final = 1.7
FARTHEST_VOXELS: Final = 4
"""From the moved surface, and from the networks' along an axis: beyond, nothing changes sides."""
NEAREST: Final = 2
"""The vertices over which a voxel's distance from the surface is averaged."""


def moved_probability(
    p_zyx: Floats32, grid: Grid, moved: Mesh, middle_mm: Vector, reach_mm: float
) -> Floats32:
    """``p_zyx`` with its surface where ``moved`` is, up to ``reach_mm`` from ``middle_mm``.

    ``moved`` is the mesh of the surface at one half, its vertices moved by up to 1.6 mm; they lie
    closer together than the voxels, so a voxel's distance is that from the planes through the two
    nearest: good to 0.02 mm at the curvature of a condyle. Beyond ``reach_mm`` nothing changes.
    """
    inside = p_zyx >= 0.5
    size = 2 * FARTHEST_VOXELS + 1
    band = ndimage.maximum_filter(inside, size) & ~ndimage.minimum_filter(inside, size)
    x, y, z = (
        origin + step * np.arange(n) - middle
        for origin, step, n, middle in zip(
            grid.origin_mm_xyz, grid.spacing_mm_xyz, grid.size_xyz, middle_mm, strict=True
        )
    )
    within = x**2 + y[:, None] ** 2 + z[:, None, None] ** 2 <= reach_mm**2
    near = band & within
    points = grid.to_world(np.argwhere(near)[:, ::-1])
    tree = cKDTree(moved.points_mm, leafsize=LEAF, balanced_tree=False, compact_nodes=False)
    far, vertex = tree.query(points, k=NEAREST, distance_upper_bound=FARTHEST_MM)
    met = np.isfinite(far).all(axis=1)
    far, vertex = far[met], vertex[met]
    away = points[met][:, None] - moved.points_mm[vertex]
    along = np.einsum("nki,nki->nk", away, _normals(moved)[vertex])
    weight = 1.0 / (far**2 + 0.01)
    distance = (weight * along).sum(axis=1) / weight.sum(axis=1)
    moved_p = inside[near].astype(np.float32)
    moved_p[met] = np.clip(0.5 - distance / (2 * BAND_MM), 0.0, 1.0)
    changed = np.where(within, inside, p_zyx).astype(np.float32)
    changed[near] = moved_p
    return changed


def _normals(mesh: Mesh) -> Points:
    """(V, 3): unit normals, the triangles' weighted by area: moved slivers do not turn them."""
    a, b, c = (mesh.points_mm[mesh.triangles[:, i]] for i in range(3))
    doubled = np.cross(b - a, c - a)
    summed = np.zeros_like(mesh.points_mm)
    for corner in mesh.triangles.T:
        for axis in range(3):
            summed[:, axis] += np.bincount(corner, doubled[:, axis], minlength=len(summed))
    return unit(summed)
