"""Where on a bone's surface edges are looked for, along which normals, and how it is curved."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector
from negvol_cli.mesh.mesh import Mesh, unit
from negvol_cli.mesh.smoothing import links_of
from negvol_cli.steps.edge_smoothing import Neighbours

Floats = npt.NDArray[np.float64]

APART_MM: Final = 0.8
"""About how far apart edges are fitted; between, they are interpolated."""
EVENING: Final = 4
"""Rounds in which normals are averaged with their neighbours': past the steps of voxels."""
MOST_CURVED_PER_MM: Final = 0.4
"""The sum of both curvatures of a ball of 5 mm; bone by the joint is no sharper than that but at
rims, where vertices' normals tell nothing better."""


def evened_normals(mesh: Mesh) -> Points:
    """(V, 3): vertex normals averaged with those of their neighbours."""
    normals, links = mesh.vertex_normals(), links_of(mesh)
    for _ in range(EVENING):
        normals = unit(normals + (links @ normals) / 6.0)
    return normals


def spread_points(
    points_mm: Points, normals: Points, middle_mm: Vector, within_mm: float
) -> npt.NDArray[np.intp]:
    """One vertex in each cell of 0.8 mm and each octant of normals, within reach of the middle."""
    away = points_mm - middle_mm
    near = np.flatnonzero(np.einsum("vi,vi->v", away, away) < within_mm**2)
    cell = np.floor((points_mm[near] + 100.0) / APART_MM).astype(np.int64)
    octant = (normals[near] > 0) @ np.array([4, 2, 1])
    key = ((cell[:, 0] * 1000 + cell[:, 1]) * 1000 + cell[:, 2]) * 8 + octant
    _, first = np.unique(key, return_index=True)
    return np.asarray(near[first])


def curvature(points_mm: Points, normals: Points, near: Neighbours | None) -> Floats:
    """(V,): the sum of the principal curvatures, per mm; positive where the bone is convex."""
    if near is None:
        return np.zeros(len(points_mm))
    index, alike = near
    way = points_mm[index] - points_mm[:, None]
    turn = normals[index] - normals[:, None]
    bend = np.einsum("vki,vki->vk", turn, way) / np.maximum(
        np.einsum("vki,vki->vk", way, way), 1e-6
    )
    weight = alike + 1e-9
    total = 2.0 * (weight * bend).sum(axis=1) / weight.sum(axis=1)
    return np.asarray(np.clip(total, -MOST_CURVED_PER_MM, MOST_CURVED_PER_MM))
