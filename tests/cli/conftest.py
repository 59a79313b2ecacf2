"""What the tests of commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from negvol_cli.bundle import store as bundle_store
from negvol_cli.cli import main
from tests.bundle.tiny import write_bundle

Negvol = Callable[..., Result]


@pytest.fixture
def negvol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Negvol:
    """Call the command line in an empty folder, with an empty store of models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundle_store, "store_folder", lambda: tmp_path / "store")

    def call(*args: str | Path) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="negvol")

    return call


@pytest.fixture
def bundle_folder(tmp_path: Path) -> Path:
    """A small, sound bundle of two networks."""
    pytest.importorskip("onnx", reason="making a small network takes the onnx package")
    return write_bundle(tmp_path / "bundle")
