"""A shorter condyle for the 3D view: seen from below, the ramus would hide the joint."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector
from negvol_cli.mesh.mesh import Mesh

Values = npt.NDArray[np.float64]

HEAD_MM: Final = 10.0
"""The coronoid process stands at least 15 mm in front of the condylar head's centre."""


def above(
    mesh: Mesh, values: Values, floor_mm: float, about_mm: Vector | None = None
) -> tuple[Mesh, Values]:
    """Cut ``mesh`` at z = ``floor_mm`` and return its highest piece, closed by a lid.

    With ``about_mm``, the centre of a condylar head, it is the piece of that head: the coronoid
    process may stand higher. ``values`` (V,) belong to its vertices; they are NaN on the lid. A
    mesh that does not reach below the floor is returned as it is. The lid is a fan from the middle
    of the edge, which suits the section of a neck; for pictures only.
    """
    height = mesh.points_mm[:, 2]
    if len(height) == 0 or height.min() >= floor_mm or height.max() <= floor_mm:
        return mesh, values
    kept = mesh.triangles[(height[mesh.triangles] > floor_mm).any(axis=1)]
    kept = _piece(kept, len(height), _top(mesh, about_mm))
    points = mesh.points_mm.copy()
    points[:, 2] = np.maximum(height, floor_mm)
    lids, middles = _lids(kept, points)
    used, corners = np.unique(np.concatenate([kept, lids]), return_inverse=True)
    every = np.concatenate([points, middles])
    of_all = np.concatenate([values, np.full(len(middles), np.nan)])
    return Mesh(every[used], corners.reshape(-1, 3).astype(np.int32)), of_all[used]


def _top(mesh: Mesh, about_mm: Vector | None) -> int:
    """The highest vertex; with ``about_mm``, of those within ``HEAD_MM`` of the vertical there."""
    height = mesh.points_mm[:, 2]
    if about_mm is not None:
        near = np.hypot(*(mesh.points_mm - about_mm)[:, :2].T) <= HEAD_MM
        height = np.where(near, height, -np.inf) if near.any() else height
    return int(np.argmax(height))


def _piece(triangles: npt.NDArray[np.int32], number: int, seed: int) -> npt.NDArray[np.int32]:
    """The triangles that hang together with vertex ``seed``."""
    piece = _pieces(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]]), number)
    return np.asarray(triangles[piece[triangles[:, 0]] == piece[seed]])


def _lids(
    triangles: npt.NDArray[np.int32], points: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Triangles (L, 3) over the open edges, and the middles (M, 3) that they meet in.

    A middle's number follows those of ``points``.
    """
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    number = len(points)
    forth = edges[:, 0].astype(np.int64) * number + edges[:, 1]
    back = edges[:, 1].astype(np.int64) * number + edges[:, 0]
    free = edges[~np.isin(forth, back)]
    loop = _pieces(free, number)
    names, of_edge = np.unique(loop[free[:, 0]], return_inverse=True)
    middles = np.array(
        [points[free[of_edge == i].ravel()].mean(axis=0) for i in range(len(names))]
    ).reshape(-1, 3)
    lids = np.stack([free[:, 1], free[:, 0], number + of_edge], axis=1)
    return lids.astype(np.int32), middles


def _pieces(links: npt.NDArray[np.int32], number: int) -> npt.NDArray[np.intp]:
    """(V,): the least of the vertices that each of so many hangs together with by ``links`` (L, 2).

    SciPy's ``csgraph``, which would do it as well, takes ten times as long to load.
    """
    a, b = links.T
    least = np.arange(number)
    while True:
        lower = np.minimum(least[a], least[b])
        before = least.copy()
        np.minimum.at(least, before[a], lower)
        np.minimum.at(least, before[b], lower)
        least = least[least]
        if np.array_equal(least, before):
            return least
