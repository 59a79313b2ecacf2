"""Tiny networks and bundles of them, made here and now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundle.tiny import write_bundle


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    """A small, sound bundle: two networks that see 8x8x8 voxels."""
    pytest.importorskip("onnx", reason="making a small network takes the onnx package")
    return write_bundle(tmp_path / "bundle")
