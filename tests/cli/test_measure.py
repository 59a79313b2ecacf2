"""``negvol measure`` hands on what was typed, and prints what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli import correction, study
from negvol_cli.io.report_files import report_to_dict
from negvol_cli.settings import ClipSettings, ClipShape, Settings
from negvol_cli.structures import Side
from tests.cli.conftest import Negvol
from tests.cli.reports import report


@pytest.fixture
def measure_labels(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the pipeline, with the same signature."""
    fake: Mock = create_autospec(study.measure_labels, return_value=report())
    monkeypatch.setattr(study, "measure_labels", fake)
    return fake


def test_nothing_is_written_unless_asked(negvol: Negvol, measure_labels: Mock) -> None:
    result = negvol("measure", "labels.nii.gz")

    assert result.exit_code == 0, result.stderr
    (labels, out, settings), options = measure_labels.call_args
    assert (labels, out, settings) == (Path("labels.nii.gz"), None, Settings())
    assert options["side"] is None
    assert result.stderr == ""


def test_every_option_arrives(negvol: Negvol, measure_labels: Mock) -> None:
    options = ["--side", "left", "-o", "out", "--clip", "cube", "--overwrite"]
    options += ["--reference", "other.nii.gz"]
    result = negvol("measure", "labels.nii.gz", *options)

    (_, out, settings), given = measure_labels.call_args
    assert out == Path("out")
    assert settings == Settings(clip=ClipSettings(shape=ClipShape.CUBE))
    assert given["side"] is Side.LEFT
    assert given["references"] == (Path("other.nii.gz"),)
    assert given["overwrite"] is True
    assert result.stderr == f"Pictures and files: {Path('out/head/report.html')}\n"


def test_a_smaller_sphere_arrives(negvol: Negvol, measure_labels: Mock) -> None:
    negvol("measure", "labels.nii.gz", "--sphere-mm", "22")

    assert measure_labels.call_args.args[2] == Settings(clip=ClipSettings(width_mm=22.0))


@pytest.mark.usefixtures("measure_labels")
def test_a_cube_has_no_sphere(negvol: Negvol) -> None:
    result = negvol("measure", "labels.nii.gz", "--clip", "cube", "--sphere-mm", "22")

    assert result.exit_code == 2
    assert "--sphere-mm sets the width of a sphere: leave --clip cube out" in result.stderr


@pytest.mark.usefixtures("measure_labels")
def test_json_is_the_report_and_nothing_else(negvol: Negvol) -> None:
    result = negvol("measure", "labels.nii.gz", "--json", "--quiet")

    assert json.loads(result.stdout) == report_to_dict(report())


def test_one_joint_without_its_side_ends_with_3(negvol: Negvol, tmp_path: Path) -> None:
    labels = np.ones((20, 20, 20), dtype=np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(labels), str(tmp_path / "labels.nii.gz"))

    result = negvol("measure", "labels.nii.gz", "--quiet")

    assert result.exit_code == 3
    assert "right or left" in result.stderr


@pytest.fixture
def correct(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the correction, with the same signature."""
    made = correction.Revision(Path("head/revisions/001"), report(), ("Left joint: not edited.",))
    fake: Mock = create_autospec(correction.correct, return_value=made)
    monkeypatch.setattr(correction, "correct", fake)
    return fake


def test_a_correction_says_what_changed_and_where_it_lies(negvol: Negvol, correct: Mock) -> None:
    result = negvol("measure", "fix.seg.nrrd", "--of", "head", "--by", "Dr A", "--side", "left")

    assert correct.call_args.args == (Path("fix.seg.nrrd"), Path("head"))
    assert correct.call_args.kwargs["by"] == "Dr A"
    assert correct.call_args.kwargs["side"] is Side.LEFT
    page = Path("head/revisions/001/report.html")
    assert result.stderr == f"Left joint: not edited.\nRevision: {page}\n"


@pytest.mark.usefixtures("correct")
@pytest.mark.parametrize("more", [["-o", "out"], ["--scan", "ct.nii.gz"], ["--sphere-mm", "22"]])
def test_a_correction_takes_all_else_from_its_result(negvol: Negvol, more: list[str]) -> None:
    result = negvol("measure", "fix.seg.nrrd", "--of", "head", *more)

    assert result.exit_code == 3
    assert "from its result, beside which it is written: leave that away" in result.stderr


@pytest.mark.usefixtures("measure_labels")
def test_who_corrected_needs_a_result(negvol: Negvol) -> None:
    result = negvol("measure", "labels.nii.gz", "--by", "Dr A")

    assert result.exit_code == 2
    assert "give the result with --of" in result.stderr


def test_the_ct_of_labels_arrives(negvol: Negvol, measure_labels: Mock) -> None:
    negvol("measure", "labels.nii.gz", "--scan", "ct.nii.gz")

    assert measure_labels.call_args.kwargs["scan"] == Path("ct.nii.gz")
