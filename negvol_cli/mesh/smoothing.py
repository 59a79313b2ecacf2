"""Smoothing of closed meshes that keeps their volume."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import csr_array

from negvol_cli.mesh.mesh import Mesh

SHRINK: Final = 0.5
SWELL: Final = -0.53
STEPS: Final = 10
"""PyMeshLab's own default; the filter keeps the volume (tests/mesh/test_backend.py)."""


def smoothed(mesh: Mesh, steps: int = STEPS) -> Mesh:
    """A closed mesh smoothed by Taubin's filter (SIGGRAPH 1995); every vertex must be a corner.

    In each step every vertex goes half of the way to the mean of its neighbours, and then slightly
    farther away from where their mean is then. PyMeshLab gives the same (``tests/mesh``).
    """
    triangles, count = mesh.triangles, len(mesh.points_mm)
    start, end = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    neighbours = np.bincount(start, minlength=count)
    share = 1.0 / np.repeat(neighbours, neighbours)
    first = np.concatenate([[0], np.cumsum(neighbours)])
    of_neighbours = csr_array(
        (share, end[np.argsort(start, kind="stable")], first), shape=(count, count)
    )
    points = mesh.points_mm
    for _ in range(steps):
        for by in (SHRINK, SWELL):
            points = points + by * (of_neighbours @ points - points)
    return Mesh(points, triangles)
