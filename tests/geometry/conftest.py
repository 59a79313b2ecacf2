from __future__ import annotations

import pytest

from negvol_cli.mesh_backend import MeshBackend, load_backend


@pytest.fixture(scope="session")
def backend() -> MeshBackend:
    """The backend of this machine: PyMeshLab where it loads."""
    return load_backend()
