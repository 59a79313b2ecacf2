"""The neighbours of a closed mesh's vertices, and smoothing that keeps its volume."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from negvol_cli.mesh.mesh import Mesh

SHRINK: Final = 0.5
SWELL: Final = -0.53
STEPS: Final = 10
"""PyMeshLab's own default; the filter keeps the volume (tests/mesh/test_backend.py)."""


def links_of(mesh: Mesh) -> csr_matrix:
    """(V, V): which vertices of a closed mesh are neighbours; 1 for each edge between them."""
    start, end = mesh.triangles.ravel(), np.roll(mesh.triangles, -1, axis=1).ravel()
    count = len(mesh.points_mm)
    return csr_matrix((np.ones(len(start)), (start, end)), shape=(count, count))


def smoothed(mesh: Mesh, steps: int = STEPS) -> Mesh:
    """A closed mesh smoothed by Taubin's filter (SIGGRAPH 1995); every vertex must be a corner.

    In each step every vertex goes half of the way to the mean of its neighbours, and then slightly
    farther away from where their mean is then. PyMeshLab gives the same (``tests/mesh``).
    """
    links, points = links_of(mesh), mesh.points_mm
    neighbours = np.asarray(links.sum(axis=1))
    for _ in range(steps):
        for by in (SHRINK, SWELL):
            points = points + by * ((links @ points) / neighbours - points)
    return Mesh(points, mesh.triangles)
