"""Mesh decimation for pictures, never for measurements."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import Mesh

Values = npt.NDArray[np.float64]

LEAST_LARGER: Final = 1.02
"""How much the cubes grow at least where too many triangles are left."""


def decimate(mesh: Mesh, values: Values, most_triangles: int) -> tuple[Mesh, Values]:
    """Reduce a mesh to at most ``most_triangles``; ``values`` (V,) go with its vertices.

    Vertices that share a small cube and face the same octant of directions (so that the two faces
    of a thin plate of bone stay apart) become their mean (Rossignac and Borrel, 1993). A new vertex
    has the mean of the finite values of its old ones, or NaN if there are none.
    """
    if len(mesh.triangles) <= most_triangles:
        return mesh, values
    normals = _normals(mesh)
    area = float(np.linalg.norm(normals, axis=1).sum()) / 2
    octant = (_vertex_normals(mesh, normals) >= 0) @ np.array([1, 2, 4])
    cell_mm = np.sqrt(2.5 * area / most_triangles)
    while True:
        group, triangles = _clustered(mesh, octant, cell_mm)
        if len(triangles) <= most_triangles:
            break
        cell_mm *= max(LEAST_LARGER, np.sqrt(len(triangles) / most_triangles))
    points = np.stack([_mean(group, mesh.points_mm[:, axis]) for axis in range(3)], axis=1)
    finite = np.isfinite(values)
    merged = _mean(group, np.where(finite, values, 0.0), finite.astype(np.float64))
    return Mesh(points, triangles.astype(np.int32)), merged


def _clustered(
    mesh: Mesh, octant: npt.NDArray[np.int64], cell_mm: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The number of each vertex's group (V,), and the triangles (F, 3) that remain."""
    cell = np.floor((mesh.points_mm - mesh.points_mm.min(axis=0)) / cell_mm).astype(np.int64)
    width = cell.max(axis=0) + 1
    key = ((cell[:, 2] * width[1] + cell[:, 1]) * width[0] + cell[:, 0]) * 8 + octant
    _, group = np.unique(key, return_inverse=True)
    corners = group[mesh.triangles]
    distinct = (corners != np.roll(corners, 1, axis=1)).all(axis=1)
    corners = corners[distinct]
    low, middle, high = np.sort(corners, axis=1).T.astype(np.int64)
    many = int(group.max()) + 1  # as one number each: rows are sorted ten times as slowly
    _, first = np.unique((low * many + middle) * many + high, return_index=True)
    return group, corners[np.sort(first)]


def _mean(group: npt.NDArray[np.int64], values: Values, weights: Values | None = None) -> Values:
    count = np.bincount(group, weights=weights, minlength=int(group.max()) + 1)
    total = np.bincount(group, weights=values, minlength=len(count))
    mean = np.full(len(count), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _normals(mesh: Mesh) -> Points:
    a, b, c = (mesh.points_mm[mesh.triangles[:, i]] for i in range(3))
    return np.asarray(np.cross(b - a, c - a))


def _vertex_normals(mesh: Mesh, normals: Points) -> Points:
    number = len(mesh.points_mm)
    corners = mesh.triangles.ravel()
    spread = np.repeat(normals, 3, axis=0)
    sums = [np.bincount(corners, weights=spread[:, axis], minlength=number) for axis in range(3)]
    return np.stack(sums, axis=1)
