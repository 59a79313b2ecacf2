"""Quadric edge collapse by fast-simplification, a tenth of the work of PyMeshLab's.

It pays no heed to the mesh's topology.
"""

from __future__ import annotations

import threading
from typing import Final

import fast_simplification
import numpy as np

from negvol_cli.mesh.mesh import Mesh

_ALONE: Final = threading.Lock()
"""The library keeps its mesh between calls, in one place: of two threads each got parts of the
other's (0.2.0)."""


def collapsed(mesh: Mesh, triangles: int) -> Mesh | None:
    """Return the mesh with about so many triangles; None where a closed one would not stay closed.

    The two faces of a plate of bone thinner than a triangle is long may end up glued together.
    """
    with _ALONE:
        points, corners = fast_simplification.simplify(
            mesh.points_mm, mesh.triangles, target_count=triangles
        )
    fewer = Mesh(np.asarray(points, dtype=np.float64), np.asarray(corners, dtype=np.int32))
    return fewer if fewer.is_watertight or not mesh.is_watertight else None
