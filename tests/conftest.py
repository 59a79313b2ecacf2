"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans, which is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real scans are not here (a folder shared/data beside the repository)")
    return SHARED_DATA
