"""The outline of a mesh in a plane.

By hand: trimesh's sections leave out the lines of an open mesh (``discrete``), or break closed
ones where the plane meets vertices (``entities``); the tests show both. Neither is faster.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt

from negvol_cli.mesh.mesh import Mesh

Outline = npt.NDArray[np.float64]


def section(mesh: Mesh, axis: int, at_mm: float) -> list[Outline]:
    """Return the lines in which ``mesh`` meets the plane where coordinate ``axis`` is ``at_mm``.

    Each line is (N, 2) in mm: the two other coordinates, in x, y, z order, interpolated along the
    edges of the mesh. A closed line ends at its first point; an open mesh gives open lines too.
    """
    points = mesh.points_mm
    height = points[:, axis] - at_mm
    # A vertex in the plane counts as just above it: every line then crosses edges only.
    above = height >= 0
    crossing = mesh.triangles[
        above[mesh.triangles].any(axis=1) & ~above[mesh.triangles].all(axis=1)
    ]
    if len(crossing) == 0:
        return []
    sides = np.sort(np.stack([crossing, np.roll(crossing, -1, axis=1)], axis=2), axis=2)
    cut = above[sides[..., 0]] != above[sides[..., 1]]
    edges = sides[cut].astype(np.int64)
    # as one number each: rows of two are sorted ten times as slowly
    unique, number = np.unique(edges[:, 0] * len(points) + edges[:, 1], return_inverse=True)
    low, high = np.divmod(unique, len(points))
    share = height[low] / (height[low] - height[high])
    at = points[low] + share[:, None] * (points[high] - points[low])
    flat = np.delete(at, axis, axis=1)
    return [flat[line] for line in _chains(number.reshape(-1, 2))]


def _chains(links: npt.NDArray[np.int64]) -> list[list[int]]:
    """Walk (S, 2) links between numbered points into lines, open ones from an end."""
    beside: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for link, (first, second) in enumerate(links.tolist()):
        beside[first].append((second, link))
        beside[second].append((first, link))
    used: set[int] = set()
    ends = [point for point, others in beside.items() if len(others) % 2]
    lines = []
    for start in [*ends, *beside]:
        line = [start]
        while True:
            onward = next(((to, by) for to, by in beside[line[-1]] if by not in used), None)
            if onward is None:
                break
            line.append(onward[0])
            used.add(onward[1])
        if len(line) > 1:
            lines.append(line)
    return lines
