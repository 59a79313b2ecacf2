"""The choice of the mesh library: PyMeshLab, or trimesh where PyMeshLab cannot load.

Neither is imported before a backend is needed.
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

from negvol_cli.mesh.mesh import Mesh

DEBIAN_PACKAGES: Final = ("libgl1", "libopengl0")

BackendName = Literal["pymeshlab", "trimesh"]


class MeshBackend(Protocol):
    """A mesh library, as far as negvol needs one."""

    @property
    def name(self) -> str:
        """``pymeshlab`` or ``trimesh``."""

    @property
    def why(self) -> str:
        """Empty, or one sentence: why PyMeshLab is not used and what to install."""

    def refine(self, mesh: Mesh, edge_mm: float | None) -> Mesh:
        """Repair a mesh, smooth it without shrinking (Taubin) and, if the library can, remesh it.

        ``edge_mm`` is the edge length to aim at; None leaves the triangles as they are. A closed
        mesh stays closed.
        """


def load_backend(prefer: BackendName | None = None) -> MeshBackend:
    """Return PyMeshLab, or trimesh where PyMeshLab cannot load or ``prefer`` names trimesh."""
    from negvol_cli.mesh.trimesh_backend import TrimeshBackend

    if prefer == "trimesh":
        return TrimeshBackend(why="trimesh was asked for.")
    try:
        from negvol_cli.mesh.pymeshlab_backend import PyMeshLabBackend, missing_filters
    except (ImportError, OSError) as err:
        return TrimeshBackend(why=_why(str(err).splitlines()[0] if str(err) else repr(err)))
    if missing := missing_filters():
        return TrimeshBackend(why=_why(f"it lacks {', '.join(missing)}"))
    return PyMeshLabBackend()


def _why(reason: str) -> str:
    return (
        f"PyMeshLab cannot load ({reason}), so trimesh refines the meshes; "
        f"to use PyMeshLab, install {' and '.join(DEBIAN_PACKAGES)} (Debian, Ubuntu)."
    )
