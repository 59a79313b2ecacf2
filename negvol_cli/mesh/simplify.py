"""Quadric edge collapse by fast-simplification; a closed mesh stays closed.

The library pays no heed to the mesh's topology: two faces of a plate thinner than a triangle is
long may end up glued together along an edge, which then joins four triangles. Such edges are few,
and are parted again.
"""

from __future__ import annotations

import threading
from typing import Final

import fast_simplification
import numpy as np
import numpy.typing as npt

from negvol_cli.mesh.mesh import Mesh

Triangles = npt.NDArray[np.int32]

_ALONE: Final = threading.Lock()
"""The library keeps its mesh between calls, in one place: of two threads each got parts of the
other's (0.2.0)."""


def simplified(mesh: Mesh, triangles: int) -> Mesh:
    """Return the mesh with about so many triangles, or as few as the library gets it down to.

    One that has no more is left as it is.
    """
    if len(mesh.triangles) <= triangles:
        return mesh
    with _ALONE:
        points, corners = fast_simplification.simplify(
            mesh.points_mm, mesh.triangles, target_count=triangles
        )
    fewer = Mesh(np.asarray(points, dtype=np.float64), np.asarray(corners, dtype=np.int32))
    return fewer if fewer.is_watertight else _parted(fewer)


def _parted(mesh: Mesh) -> Mesh:
    """The mesh with every edge that joins more than two triangles cut into edges that join two.

    Each two triangles that run along such an edge in opposite directions get a middle of their own
    on it, at which both are halved, so that they meet each other and nobody else.
    """
    triangles, points = _without_flat_pairs(mesh.triangles), [mesh.points_mm]
    count = len(mesh.points_mm)
    for ends in _edges_of_many(triangles, count):
        forth, back = _along(triangles, *ends), _along(triangles, *ends[::-1])
        if len(forth) != len(back):
            continue  # an open edge
        middles = np.arange(count, count + len(forth), dtype=np.int32)
        both = np.concatenate([forth, back])
        triangles = _halved(triangles, both, ends, np.concatenate([middles, middles]))
        points.append(np.repeat(mesh.points_mm[ends].mean(axis=0, keepdims=True), len(forth), 0))
        count += len(forth)
    return Mesh(np.concatenate(points), triangles)


def _without_flat_pairs(triangles: Triangles) -> Triangles:
    """The triangles without those that lie back to back on another: a plate of no thickness."""
    _, which, times = np.unique(
        np.sort(triangles, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return np.asarray(triangles[times[which] == 1])


def _edges_of_many(triangles: Triangles, count: int) -> npt.NDArray[np.int64]:
    """(E, 2): the edges along which two triangles or more run in one direction, each once."""
    t = triangles.astype(np.int64)
    directed, times = np.unique(t * count + np.roll(t, -1, axis=1), return_counts=True)
    many = np.stack(np.divmod(directed[times > 1], count), axis=1)
    return np.unique(np.sort(many, axis=1), axis=0)


def _along(triangles: Triangles, start: np.int64, end: np.int64) -> npt.NDArray[np.intp]:
    """The triangles that run along an edge from ``start`` to ``end``."""
    runs = (triangles == start) & (np.roll(triangles, -1, axis=1) == end)
    return np.flatnonzero(runs.any(axis=1))


def _halved(
    triangles: Triangles,
    which: npt.NDArray[np.intp],
    ends: npt.NDArray[np.int64],
    middles: Triangles,
) -> Triangles:
    """The triangles with each of ``which`` halved at its own of ``middles`` on their edge."""
    halves = [np.where(triangles[which] == end, middles[:, None], triangles[which]) for end in ends]
    return np.concatenate([np.delete(triangles, which, axis=0), *halves])
