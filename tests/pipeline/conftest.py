"""A phantom head with unequal joints, and the default networks, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest
import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Volume
from negvol_cli.phantom import PhantomHead, draw_head
from negvol_cli.report import ScanReport
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.pipeline.heads import QUIET, grid_about


@pytest.fixture(scope="session")
def models() -> Models:
    return load_models(None, Settings(device=Device.CPU))


@pytest.fixture(scope="session")
def head() -> PhantomHead:
    return draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)


@pytest.fixture(scope="session")
def ct(head) -> Volume:
    return head.scan(grid_about(head), QUIET, 1)


@pytest.fixture
def measure(tmp_path: Path, models):
    """Store a volume, or an image, as a file and measure it as ``negvol run`` does."""

    def run(image: Volume | sitk.Image, name: str = "scan.nii.gz") -> ScanReport:
        path = tmp_path / name
        sitk.WriteImage(to_sitk(image) if isinstance(image, Volume) else image, str(path))
        return measure_scan(path, settings=Settings(device=Device.CPU), models=models)

    return run
