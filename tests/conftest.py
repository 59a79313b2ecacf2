"""What all tests share."""

from __future__ import annotations

import locale
from collections.abc import Iterator
from pathlib import Path

import pytest

from negvol_cli.mesh.backend import MeshBackend, load_backend

LOCALE = locale.setlocale(locale.LC_CTYPE)
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans, which is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real scans are not here (a folder shared/data beside the repository)")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def same_locale() -> Iterator[None]:
    """What a library does to the process's locale ends with the test that used it."""
    locale.setlocale(locale.LC_CTYPE, LOCALE)
    yield
    locale.setlocale(locale.LC_CTYPE, LOCALE)


@pytest.fixture(scope="session")
def backend() -> MeshBackend:
    """The backend of this machine: PyMeshLab where it loads."""
    return load_backend()
