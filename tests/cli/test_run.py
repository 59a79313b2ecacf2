"""``negvol run`` hands on what was typed, and prints what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from negvol_cli import run, study
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from negvol_cli.errors import InputError
from negvol_cli.io.report_files import report_to_dict
from negvol_cli.settings import ClipSettings, ClipShape, Device, MeshFiles, Settings
from tests.cli.conftest import Negvol
from tests.cli.reports import report


@pytest.fixture
def measure_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the pipeline, with the same signature, before a scan ``head.nii.gz``."""
    (tmp_path / "head.nii.gz").touch()
    fake: Mock = create_autospec(study.measure_scan, side_effect=_two_steps)
    monkeypatch.setattr(study, "measure_scan", fake)
    monkeypatch.setattr(run, "load_models", lambda *given: given)
    return fake


def _two_steps(*_: Any, progress: Callable[[str, float], None], **__: Any) -> Any:
    progress("reading the scan", 0.0)
    progress("measuring", 0.5)
    return report()


def test_without_options_the_defaults_of_the_method_are_used(
    negvol: Negvol, measure_scan: Mock
) -> None:
    result = negvol("run", "head.nii.gz")

    assert result.exit_code == 0, result.stderr
    (reading, out, settings), options = measure_scan.call_args
    assert (reading.intake.name, out, settings) == ("head", Path("negvol-results"), Settings())
    assert reading.intake.patient_id == ""
    assert options["models"].result() == (DEFAULT_BUNDLE, Settings())
    assert options["overwrite"] is False


@pytest.mark.parametrize(
    ("flag", "meshes"), [("--no-meshes", MeshFiles.NONE), ("--stl", MeshFiles.PLY_AND_STL)]
)
def test_meshes_are_left_out_or_come_as_stl_too(
    negvol: Negvol, measure_scan: Mock, flag: str, meshes: MeshFiles
) -> None:
    negvol("run", "head.nii.gz", flag)

    assert measure_scan.call_args.args[2] == Settings(meshes=meshes)


def test_stl_without_meshes_is_a_contradiction(negvol: Negvol, measure_scan: Mock) -> None:
    result = negvol("run", "head.nii.gz", "--stl", "--no-meshes")

    assert result.exit_code == 2
    assert "leave --no-meshes out" in result.stderr
    assert not measure_scan.called


def test_every_option_arrives(negvol: Negvol, measure_scan: Mock, bundle_folder: Path) -> None:
    options = ["-o", "out", "--device", "cpu", "--clip", "cube", "--threads", "3", "--overwrite"]
    options += ["--reference", "right.nii.gz", "--reference", "left.nii.gz"]
    negvol("run", "head.nii.gz", *options, "--no-enhance", "--bundle", bundle_folder)

    (_, out, settings), given = measure_scan.call_args
    assert out == Path("out")
    assert settings == Settings(
        clip=ClipSettings(shape=ClipShape.CUBE), device=Device.CPU, threads=3, enhance=False
    )
    assert given["models"].result()[0] == bundle_folder
    assert given["references"] == (Path("right.nii.gz"), Path("left.nii.gz"))
    assert given["overwrite"] is True


@pytest.mark.usefixtures("measure_scan")
def test_the_table_goes_to_stdout_and_the_rest_to_stderr(negvol: Negvol) -> None:
    result = negvol("run", "head.nii.gz")

    assert "3000" in result.stdout
    assert "5000" in result.stdout
    assert "Research use only" in result.stdout
    assert result.stderr == (
        "reading the scan (0% done)\nmeasuring (50% done)\n"
        f"Pictures and files: {Path('negvol-results/head/report.html')}\n"
    )


@pytest.mark.usefixtures("measure_scan")
def test_json_is_the_report_and_nothing_else(negvol: Negvol) -> None:
    result = negvol("run", "head.nii.gz", "--json", "--quiet")

    assert json.loads(result.stdout) == report_to_dict(report())
    assert result.stderr == ""


def test_an_unusable_scan_ends_with_3(negvol: Negvol, measure_scan: Mock) -> None:
    measure_scan.side_effect = InputError("no jaw joint was found in head: give a head CT")

    result = negvol("run", "head.nii.gz", "--quiet")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr == "negvol: no jaw joint was found in head: give a head CT\n"


def test_a_scan_that_is_not_there_ends_with_3_and_leaves_no_output(
    negvol: Negvol, tmp_path: Path
) -> None:
    result = negvol("run", "nowhere.nii.gz", "--quiet")

    assert result.exit_code == 3
    assert "nowhere.nii.gz" in result.stderr
    assert not list(tmp_path.glob("negvol-results/*"))


@pytest.mark.usefixtures("measure_scan")
def test_an_unknown_bundle_ends_with_4(negvol: Negvol) -> None:
    result = negvol("run", "head.nii.gz", "--bundle", "huge")

    assert result.exit_code == 4
    assert "'huge'" in result.stderr


@pytest.mark.parametrize("scan", ["nosuch", "nosuch.nii.gz", "nosuch.zip", "n" * 300])
def test_a_scan_that_is_not_there_is_said_before_anything_is_begun(
    negvol: Negvol, scan: str
) -> None:
    result = negvol("run", scan)

    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert "reading" not in result.stderr
