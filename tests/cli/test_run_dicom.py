"""``negvol run`` on a DICOM study: which series, and what of the patient is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, create_autospec

import pytest
import SimpleITK as sitk

from negvol_cli import study
from negvol_cli.dicom_out.writing import dicom_out
from tests.cli.conftest import Negvol
from tests.cli.reports import report
from tests.io.dicom.made_dicom import ROOT, ct_values, places, save, series_of


@pytest.fixture
def measure_scan(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the pipeline, with the same signature."""
    answer: Callable[..., object] = lambda *_, **__: report()  # noqa: E731
    fake: Mock = create_autospec(study.measure_scan, side_effect=answer)
    monkeypatch.setattr(study, "measure_scan", fake)
    return fake


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Series 3 of 2.5 mm and series 4 of 1.5 mm, of the patient P1."""
    found = tmp_path_factory.mktemp("study")
    save(series_of(ct_values()), found / "a")
    thin = ct_values((60, 24, 26))
    made = series_of(thin, places(60, 1.5), series=f"{ROOT}.4", SeriesNumber=4)
    save(made, found / "b")
    return found


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "secret" / "hospital.key"
    path.parent.mkdir()
    path.write_bytes(bytes(range(32)))
    return path


# The keys are the first digits of what "printf '%s' UID | sha256sum" prints.
SERIES_3 = "2cd74f57"


def test_series_are_listed_and_nothing_is_measured(
    negvol: Negvol, measure_scan: Mock, folder: Path
) -> None:
    result = negvol("run", folder, "--series", "list")
    as_json = json.loads(negvol("run", folder, "--series", "list", "--json").stdout)

    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1][:5] == [SERIES_3, "3", "CT", "axial", "22"]
    assert [(s["number"], s["images"], s["why_not"]) for s in as_json] == [
        (3, 22, None),
        (4, 60, None),
    ]
    assert not measure_scan.called


@pytest.mark.parametrize("wanted", ["3", SERIES_3])
def test_a_series_is_chosen(negvol: Negvol, measure_scan: Mock, folder: Path, wanted: str) -> None:
    negvol("run", folder, "--series", wanted)

    intake = measure_scan.call_args.args[0].intake
    assert (intake.name, intake.patient_id) == (f"ct-{SERIES_3}", "")


def test_the_patient_id_is_kept_on_request(
    negvol: Negvol, measure_scan: Mock, folder: Path
) -> None:
    negvol("run", folder, "--keep-patient-id")

    assert measure_scan.call_args.args[0].intake.patient_id == "P1"


def test_a_key_gives_a_pseudonym_and_the_crosswalk_its_line_with_the_result(
    negvol: Negvol, measure_scan: Mock, folder: Path, key: Path
) -> None:
    crosswalk = key.parent / "hospital.key.crosswalk.csv"
    for _ in range(2):
        result = negvol("run", folder, "--series", "3", "--pseudonym-key", key)
        assert result.exit_code == 0, result.stderr
    intake = measure_scan.call_args.args[0].intake
    assert not crosswalk.exists()

    for _ in range(2):
        intake.on_saved()

    lines = crosswalk.read_text().splitlines()
    assert lines[1:] == [f"{intake.name},P1,{ROOT}.9,{ROOT}.1,{folder / 'a'}"]


def test_with_a_key_wrong_usage_does_not_repeat_what_was_typed(negvol: Negvol, key: Path) -> None:
    for typed in (["a", "Doe John"], ["--Doe-John"], ["a", "--threads", "Doe John"]):
        result = negvol("run", "--pseudonym-key", key, *typed)

        assert result.exit_code == 2
        assert "John" not in result.output


def test_a_key_beside_a_kept_patient_id_is_wrong_usage(
    negvol: Negvol, measure_scan: Mock, folder: Path, key: Path
) -> None:
    result = negvol("run", folder, "--keep-patient-id", "--pseudonym-key", key)

    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
    assert not measure_scan.called


def test_a_key_among_the_results_is_refused(
    negvol: Negvol, measure_scan: Mock, folder: Path, key: Path
) -> None:
    result = negvol("run", folder, "-o", key.parent, "--pseudonym-key", key)

    assert result.exit_code == 3
    assert "keep it outside the results" in result.stderr
    assert not measure_scan.called
    assert [p.name for p in key.parent.iterdir()] == [key.name]


def test_a_key_that_is_not_there_is_refused(negvol: Negvol, folder: Path, tmp_path: Path) -> None:
    result = negvol("run", folder, "--pseudonym-key", tmp_path / "no.key")

    assert result.exit_code == 3
    assert "cannot read the key" in result.stderr


def test_results_as_dicom_are_written_on_request_and_what_they_copy_is_said(
    negvol: Negvol, measure_scan: Mock, folder: Path
) -> None:
    plain = negvol("run", folder, "--series", "3")
    assert measure_scan.call_args.kwargs["dicom_out"] is None
    assert "names the patient" not in plain.stderr

    result = negvol("run", folder, "--series", "3", "--dicom-out")

    assert measure_scan.call_args.kwargs["dicom_out"] is dicom_out
    assert "the dicom folder of a result names the patient" in result.stderr


def test_results_as_dicom_beside_a_pseudonym_are_wrong_usage(
    negvol: Negvol, measure_scan: Mock, folder: Path, key: Path
) -> None:
    result = negvol("run", folder, "--dicom-out", "--pseudonym-key", key)

    assert result.exit_code == 2
    assert "exclude each other: results as DICOM name the patient" in result.stderr
    assert not measure_scan.called


def test_what_is_no_dicom_has_no_results_as_dicom_and_is_not_measured(
    negvol: Negvol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitk.WriteImage(sitk.Image(40, 40, 40, sitk.sitkInt16), str(tmp_path / "head.nii.gz"))
    monkeypatch.setattr(study, "measure_ct", Mock(side_effect=AssertionError("it was measured")))

    result = negvol("run", "head.nii.gz", "--dicom-out")

    assert result.exit_code == 3
    assert "head has no header to copy" in result.stderr
    assert "run without --dicom-out" in result.stderr
    assert not (tmp_path / "negvol-results").exists()
