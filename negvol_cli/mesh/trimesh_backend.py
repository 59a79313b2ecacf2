"""Mesh refinement with trimesh, for machines on which PyMeshLab cannot load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.mesh.smoothing import SHRINK, STEPS, SWELL


@dataclass(frozen=True, slots=True)
class TrimeshBackend:
    """Repair and Taubin smoothing by trimesh, which has no isotropic remeshing.

    Triangles as marching cubes makes them serve as well; there are only more of them.
    """

    why: str
    name: str = "trimesh"

    def refine(self, mesh: Mesh, edge_mm: float | None) -> Mesh:  # noqa: ARG002
        """See ``MeshBackend.refine``."""
        if mesh.is_empty:
            return mesh
        import trimesh

        body = trimesh.Trimesh(mesh.points_mm, mesh.triangles, process=False)
        body.merge_vertices(digits_vertex=8)
        body.update_faces(body.nondegenerate_faces() & body.unique_faces())
        body.remove_unreferenced_vertices()
        if not body.is_watertight:
            trimesh.repair.fill_holes(body)
        # which counts the shrinking and the swelling as a step each
        trimesh.smoothing.filter_taubin(body, lamb=SHRINK, nu=-SWELL, iterations=2 * STEPS)
        return Mesh(np.array(body.vertices, dtype=np.float64), np.array(body.faces, dtype=np.int32))
