"""A phantom head measured once, whose result the tests correct."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.edit.stored import StoredResult, read_result
from negvol_cli.geometry.align import to_sitk
from negvol_cli.mesh.backend import load_backend
from negvol_cli.phantom import draw_head
from negvol_cli.run import Models, Run, load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.edit.files import fields_of, save_like
from tests.pipeline.heads import QUIET, grid_about

CPU = Settings(device=Device.CPU)


@pytest.fixture(scope="session")
def models() -> Models:
    return load_models(None, CPU)


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CT of a phantom head with unequal joints."""
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    path = tmp_path_factory.mktemp("scan") / "head.nii.gz"
    sitk.WriteImage(to_sitk(head.scan(grid_about(head), QUIET, 1)), str(path))
    return path


@pytest.fixture(scope="session")
def folder(scan: Path, models: Models) -> Path:
    """The result folder of the scan; no test changes it."""
    out = scan.parent / "out"
    measure_scan(scan, out, CPU, models=models)
    return out / "head"


@pytest.fixture(scope="session")
def result(folder: Path) -> StoredResult:
    return read_result(folder)


@pytest.fixture
def run() -> Run:
    return Run(settings=CPU, backend=load_backend())


@pytest.fixture
def mine(folder: Path, tmp_path: Path) -> Path:
    """A copy of the result that a test may write into."""
    return Path(shutil.copytree(folder, tmp_path / "head"))


@pytest.fixture
def edited(folder: Path, tmp_path: Path):
    """Save a file of the result as an editor does, with its labels [z, y, x] changed."""

    def save(
        edit: Callable[[np.ndarray], np.ndarray],
        name: str = "edit/left.seg.nrrd",
        to: str = "fix.seg.nrrd",
        **fields,
    ):
        image = sitk.ReadImage(str(folder / name))
        values = edit(sitk.GetArrayFromImage(image).copy())
        kept = fields_of(image) | fields
        save_like(tmp_path / to, values.astype(np.uint8), image, kept)
        return tmp_path / to

    return save
