"""A small phantom as a file, and the default networks on one thread, loaded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk

from negvol_cli import study
from negvol_cli.geometry.align import to_sitk
from negvol_cli.io import output_folder
from negvol_cli.phantom import draw_head
from negvol_cli.pipeline import Measurement
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.pipeline.heads import QUIET, grid_about

ONE_THREAD = Settings(device=Device.CPU, threads=1)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return ONE_THREAD


@pytest.fixture(scope="session")
def models() -> Models:
    return load_models(None, ONE_THREAD)


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CT of a head with unequal joints, voxels of 1 mm, as ``phantom.nii.gz``."""
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    path = tmp_path_factory.mktemp("phantom") / "phantom.nii.gz"
    sitk.WriteImage(to_sitk(head.scan(grid_about(head, spacing_mm=1.0), QUIET, 1)), str(path))
    return path


@pytest.fixture(scope="session")
def measurement(phantom: Path, models, settings) -> Measurement:
    """What a run on the phantom measures, to be written again and again."""
    kept: list[Measurement] = []
    measure_ct = study.measure_ct

    def keep(*args: object) -> Measurement:
        kept.append(measure_ct(*args))
        return kept[-1]

    study.measure_ct = keep
    try:
        measure_scan(phantom, settings=settings, models=models)
    finally:
        study.measure_ct = measure_ct
    return kept[0]


@pytest.fixture
def write_result(
    monkeypatch: pytest.MonkeyPatch, measurement: Measurement, phantom: Path, models, settings
) -> Callable[..., None]:
    """Write the phantom's result below a folder, as ``negvol run`` does once it has measured."""
    monkeypatch.setattr(output_folder, "MIN_FREE_BYTES", 0)
    monkeypatch.setattr(study, "measure_ct", lambda *_: measurement)

    def write(out: Path, scan: Path = phantom) -> None:
        measure_scan(scan, out, settings, models=models)

    return write
