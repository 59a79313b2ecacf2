"""A scan reads the same wherever it was found, and its failure names what the person knows."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from negvol_cli.batch import discover, zip_members
from negvol_cli.batch.source import intake_of
from negvol_cli.errors import InputError
from tests.io.made_scans import ct_values, write, write_series

CT = ct_values((24, 26, 28))


def _file(folder: Path) -> None:
    write(CT, folder / "head.nii.gz")


def _zipped_file(folder: Path) -> None:
    write(CT, folder / "head.nrrd")
    _pack(folder)


def _series(folder: Path) -> None:
    write_series(folder / "a" / "b", CT)


def _zipped_series(folder: Path) -> None:
    write_series(folder / "a", CT)
    _pack(folder)


def _pack(folder: Path) -> None:
    packed = shutil.make_archive(str(folder.parent / "study"), "zip", folder)
    shutil.rmtree(folder)
    folder.mkdir()
    shutil.move(packed, folder)


@pytest.mark.parametrize("make", [_file, _zipped_file, _series, _zipped_series])
def test_a_scan_reads_the_same_wherever_it_lies(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    make(folder)
    (found,) = discover(folder).scans

    scan = intake_of(found).read()

    assert np.array_equal(scan.volume.values_zyx, CT)
    assert scan.sha256 == intake_of(found).digest()
    assert len(scan.sha256) == 64


def test_a_damaged_image_in_a_zip_is_named_by_its_zip(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "head.nii").write_bytes(b"no image")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "made")
    shutil.rmtree(tmp_path / "made")
    (found,) = discover(tmp_path).scans

    with pytest.raises(InputError, match=r"study\.zip/head\.nii is not a NIfTI image"):
        intake_of(found).read()


def test_the_patient_id_is_taken_along_only_on_request(tmp_path: Path) -> None:
    for file in write_series(tmp_path, CT).glob("*.dcm"):
        dataset = pydicom.dcmread(file)
        dataset.PatientID = "4711"
        dataset.save_as(file)
    (found,) = discover(tmp_path).scans

    assert intake_of(found).patient_id == ""
    assert intake_of(found, keep_patient_id=True).patient_id == "4711"


def test_files_of_one_name_in_a_zip_are_two_scans(tmp_path: Path) -> None:
    made = [write(values, tmp_path / f"{n}.nii.gz") for n, values in enumerate((CT, CT[::-1]))]
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "study.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in made:
            archive.write(file, "ct.nii.gz")

    first, second = discover(tmp_path / "in").scans

    assert first.name != second.name
    assert np.array_equal(intake_of(first).read().volume.values_zyx, CT)
    assert np.array_equal(intake_of(second).read().volume.values_zyx, CT[::-1])


def test_nothing_of_a_packed_scan_is_written_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _zipped_file(folder)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: pytest.fail("a folder was made"))
    monkeypatch.setattr(tempfile, "mkstemp", lambda *_, **__: pytest.fail("a file was made"))

    (found,) = discover(folder).scans

    assert np.array_equal(intake_of(found).read().volume.values_zyx, CT)


def test_a_zip_that_is_exchanged_after_the_search_is_not_measured_for_the_other(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _zipped_file(folder)
    (found,) = discover(folder).scans
    (folder / "study.zip").unlink()
    write(CT[::-1], folder / "head.nrrd")
    _pack(folder)

    with pytest.raises(InputError, match="was changed while"):
        intake_of(found).read()


def test_a_bomb_in_a_zip_is_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_members, "BIG_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ct.nii", bytes(10_000_000))
    (found,) = discover(tmp_path).scans

    with pytest.raises(InputError, match="which no CT does"):
        intake_of(found).read()
