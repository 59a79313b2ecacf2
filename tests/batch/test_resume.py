"""An earlier result holds only if it was made from the same input, networks and settings."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from negvol_cli.batch import Candidate, discover
from negvol_cli.batch.resume import earlier_report, is_result, refuse_newer
from negvol_cli.batch.source import intake_of
from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.errors import OutputError
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.output_folder import RUN_SCHEMA, new_output
from negvol_cli.io.report_files import report_to_dict
from negvol_cli.settings import ClipSettings, ClipShape, Device, InflationSettings, Settings
from tests.batch.results import job, report_of, write_result
from tests.io.made_scans import ct_values, write, write_series

CT = ct_values((22, 24, 26))


@pytest.fixture
def scan(tmp_path: Path) -> Candidate:
    (tmp_path / "in").mkdir()
    write(CT, tmp_path / "in" / "head.nii.gz")
    return discover(tmp_path / "in").scans[0]


@pytest.fixture
def result(scan: Candidate, tmp_path: Path) -> Path:
    return write_result(scan, job(tmp_path / "out"))


def holds(scan: Candidate, out: Path, **changes: Any) -> bool:
    return earlier_report(intake_of(scan), replace(job(out), **changes)) is not None


@pytest.mark.usefixtures("result")
def test_the_same_again_is_there_already(scan: Candidate, tmp_path: Path) -> None:
    found = earlier_report(intake_of(scan), job(tmp_path / "out"))

    assert found is not None
    assert report_to_dict(found) == report_to_dict(report_of("head"))


def test_a_result_holds_the_patients_header_if_and_only_if_that_is_asked_for(
    scan: Candidate, result: Path, tmp_path: Path
) -> None:
    assert not holds(scan, tmp_path / "out", dicom_out=dicom_out)

    (result / "dicom").mkdir()
    (result / "dicom" / "report.dcm").write_bytes(b"DICM")
    record = json.loads((result / "run.json").read_text())
    record["files"]["dicom/report.dcm"] = digest_of([result / "dicom" / "report.dcm"])
    (result / "run.json").write_text(json.dumps(record))

    assert holds(scan, tmp_path / "out", dicom_out=dicom_out)
    assert not holds(scan, tmp_path / "out")


def test_without_a_result_there_is_none(scan: Candidate, tmp_path: Path) -> None:
    assert not holds(scan, tmp_path / "out")


@pytest.mark.usefixtures("result")
def test_another_file_of_the_same_name_size_and_time_is_redone(
    scan: Candidate, tmp_path: Path
) -> None:
    before = scan.path.stat()
    raw = bytearray(scan.path.read_bytes())
    raw[-1] ^= 1
    scan.path.write_bytes(raw)
    os.utime(scan.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert scan.path.stat().st_mtime_ns == before.st_mtime_ns
    assert not holds(scan, tmp_path / "out")


@pytest.mark.usefixtures("result")
def test_a_file_that_was_only_touched_is_not_redone(scan: Candidate, tmp_path: Path) -> None:
    os.utime(scan.path, (0, 0))

    assert holds(scan, tmp_path / "out")


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize(
    "changes",
    [
        {"bundle_stamp": "tiny 1.0 (ba9876543210)"},
        {"version": "9.10"},
        {"settings": Settings(clip=ClipSettings(shape=ClipShape.CUBE))},
        {"settings": Settings(enhance=False)},
        {"settings": Settings(inflation=InflationSettings(grid_mm=0.4))},
    ],
)
def test_other_networks_settings_or_versions_are_redone(
    scan: Candidate, tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert not holds(scan, tmp_path / "out", **changes)


@pytest.mark.usefixtures("result")
@pytest.mark.parametrize("settings", [Settings(threads=3), Settings(device=Device.CPU)])
def test_where_it_is_computed_changes_nothing(
    scan: Candidate, tmp_path: Path, settings: Settings
) -> None:
    assert holds(scan, tmp_path / "out", settings=settings)


def _without_record(folder: Path) -> None:
    (folder / "run.json").unlink()


def _without_report(folder: Path) -> None:
    (folder / "report.json").unlink()


def _cut_report(folder: Path) -> None:
    text = (folder / "report.json").read_text(encoding="utf-8")
    (folder / "report.json").write_text(text[: len(text) // 2], encoding="utf-8")


def _cut_record(folder: Path) -> None:
    text = (folder / "run.json").read_text(encoding="utf-8")
    (folder / "run.json").write_text(text[: len(text) // 2], encoding="utf-8")


def _garbled_record(folder: Path) -> None:
    (folder / "run.json").write_bytes(b"\xff\xfe\x00")


def _deep_record(folder: Path) -> None:
    (folder / "run.json").write_text("[" * 100_000, encoding="utf-8")


def _edited(**values: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8")) | values
        (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")

    return edit


def _with_one_digit_changed(folder: Path) -> None:
    text = (folder / "report.json").read_text(encoding="utf-8")
    changed = text.replace('"nv_mm3": 3', '"nv_mm3": 9', 1)
    assert changed != text
    (folder / "report.json").write_text(changed, encoding="utf-8")


def _with_another_file_damaged(folder: Path) -> None:
    (folder / "labels.nii.gz").write_bytes(bytes(100))
    _edited(files=json.loads((folder / "run.json").read_text())["files"] | _digest_of(bytes(99)))(
        folder
    )


def _digest_of(content: bytes) -> dict[str, str]:
    return {"labels.nii.gz": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize(
    "damage",
    [
        _without_record,
        _without_report,
        _cut_report,
        _cut_record,
        _garbled_record,
        _deep_record,
        _edited(schema=99),
        _edited(settings=None),
        _edited(program=None),
        _edited(program="9.90"),
        _edited(files={}),
        _edited(files={"report.json": 1}),
        _edited(files={"report.json": "0" * 64}),
        _edited(files={"report\0json": "0" * 64}),
        _edited(files=["report.json"]),
        _edited(schema=1, files={"report.json": 1200}),
        _with_one_digit_changed,
        _with_another_file_damaged,
        _edited(input_sha256=None),
    ],
)
def test_a_damaged_result_is_redone(
    scan: Candidate, result: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(result)

    assert not holds(scan, tmp_path / "out")


def test_the_result_of_another_scan_is_redone(
    scan: Candidate, result: Path, tmp_path: Path
) -> None:
    shutil.copytree(result, result.with_name("copy"))

    assert not holds(replace(scan, name="copy"), tmp_path / "out")


def test_an_input_that_is_gone_is_tried_again(
    scan: Candidate, result: Path, tmp_path: Path
) -> None:
    scan.path.unlink()

    assert result.is_dir()
    assert not holds(scan, tmp_path / "out")


def _series(folder: Path) -> Candidate:
    return discover(folder).scans[0]


def test_a_series_is_known_again_under_other_file_names(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "in", CT)
    write_result(_series(folder), job(tmp_path / "out"))
    (folder / "000.dcm").rename(folder / "renamed.dcm")

    assert holds(_series(folder), tmp_path / "out")


def test_a_series_with_one_changed_slice_is_redone(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "in", CT)
    write_result(_series(folder), job(tmp_path / "out"))
    raw = bytearray((folder / "005.dcm").read_bytes())
    raw[-1] ^= 1
    (folder / "005.dcm").write_bytes(raw)

    assert not holds(_series(folder), tmp_path / "out")


def test_a_series_with_a_slice_more_is_redone(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "in", CT[:-1])
    write_result(_series(folder), job(tmp_path / "out"))
    write_series(folder, CT)

    assert not holds(_series(folder), tmp_path / "out")


@pytest.mark.parametrize("name", ["head.mhd", "head.nhdr"])
def test_a_changed_file_of_voxels_beside_an_unchanged_header_is_redone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "in").mkdir()
    write(CT, tmp_path / "in" / name, packed=False)
    (found,) = discover(tmp_path / "in").scans
    write_result(found, job(tmp_path / "out"))
    assert holds(found, tmp_path / "out")
    (voxels,) = set((tmp_path / "in").iterdir()) - {found.path}
    raw = bytearray(voxels.read_bytes())
    raw[100] ^= 1
    voxels.write_bytes(raw)

    assert not holds(found, tmp_path / "out")


def test_an_image_in_a_zip_counts_by_its_own_bytes(tmp_path: Path) -> None:
    file = write(CT, tmp_path / "head.nii.gz")
    (tmp_path / "in").mkdir()

    def pack(*others: str) -> Candidate:
        with zipfile.ZipFile(tmp_path / "in" / "study.zip", "w") as archive:
            archive.write(file, "head.nii.gz")
            for other in others:
                archive.writestr(other, other)
        return discover(tmp_path / "in").scans[0]

    write_result(pack(), job(tmp_path / "out"))

    assert holds(pack("a letter.txt"), tmp_path / "out")
    write(CT[::-1], file)
    assert not holds(pack(), tmp_path / "out")


def test_a_result_that_names_the_patient_is_redone_where_it_must_not(tmp_path: Path) -> None:
    found = _series(write_series(tmp_path / "in", CT))
    write_result(found, job(tmp_path / "out"))
    anonymous = replace(intake_of(found), patient_id="")
    named = replace(intake_of(found), patient_id="4711")

    assert earlier_report(anonymous, job(tmp_path / "out")) is not None
    assert earlier_report(named, job(tmp_path / "out")) is None


def test_the_result_of_a_newer_version_is_not_replaced(result: Path) -> None:
    refuse_newer(result)
    _edited(schema=RUN_SCHEMA + 1)(result)

    with pytest.raises(OutputError, match="was written by a newer negvol"):
        refuse_newer(result)


def test_a_result_of_0_1_0_is_known_as_one_and_measured_again(
    scan: Candidate, tmp_path: Path
) -> None:
    """As that version wrote it: sizes, no program, its version among those of libraries."""
    given = job(tmp_path / "out")
    folder = write_result(scan, given)
    size = (folder / "report.json").stat().st_size
    _edited(schema=1, files={"report.json": size}, versions={"negvol": "0.1.0"})(folder)

    assert is_result(folder)
    refuse_newer(folder)
    assert earlier_report(intake_of(scan), given) is None
    with new_output(given.out, scan.name, overwrite=True) as again:
        (again / "run.json").write_text("{}")
