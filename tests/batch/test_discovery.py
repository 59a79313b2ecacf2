"""What is found below a folder, what is left out, and the names of the results."""

from __future__ import annotations

import gc
import json
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from negvol_cli.batch import Discovery, discover, series_search, spool
from negvol_cli.batch.source import intake_of
from negvol_cli.errors import InputError
from negvol_cli.io.pseudonyms import Pseudonyms
from tests.io.made_scans import ct_values, image, write, write_series

CT = ct_values((22, 24, 26))


def ct(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(CT, path)


def labels(dtype: type[np.generic]) -> np.ndarray:
    return (CT > 0).astype(dtype) + (CT > 500).astype(dtype)


def names(found: Discovery) -> dict[str, str]:
    return {scan.shown: scan.name for scan in found.scans}


def reasons(found: Discovery) -> dict[str, str]:
    return {left.shown: left.reason for left in found.left_out}


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd", "NII.GZ"])
def test_images_of_every_kind_are_found_however_deep(tmp_path: Path, ending: str) -> None:
    ct(tmp_path / "a" / "b" / "c" / f"head.{ending.lower()}")
    if ending.isupper():
        (tmp_path / "a/b/c/head.nii.gz").rename(tmp_path / f"a/b/c/head.{ending}")

    found = discover(tmp_path)

    assert names(found) == {f"a/b/c/head.{ending}": "a_b_c_head"}
    assert found.left_out == ()


def test_two_scans_of_one_name_get_two_names_which_stay(tmp_path: Path) -> None:
    ct(tmp_path / "anna" / "ct.nii.gz")
    ct(tmp_path / "bert" / "ct.nii.gz")
    first = names(discover(tmp_path))
    ct(tmp_path / "carl" / "ct.nii.gz")
    second = names(discover(tmp_path))

    assert sorted(first.values()) == ["anna_ct", "bert_ct"]
    assert second.items() > first.items()


@pytest.mark.parametrize(
    ("name", "dtype", "packed"),
    [
        ("seg.nii.gz", np.uint8, True),
        ("seg.nrrd", np.uint8, False),
        ("seg.nii.gz", np.int16, True),
        ("seg.nii", np.int16, False),
        ("seg.mha", np.float32, False),
    ],
)
def test_a_label_map_is_left_out(
    tmp_path: Path, name: str, dtype: type[np.generic], packed: bool
) -> None:
    values = np.kron(labels(dtype), np.ones((3, 3, 3), dtype=dtype))
    write(values, tmp_path / name, packed=packed)

    found = discover(tmp_path)

    assert found.scans == ()
    assert "a label map" in reasons(found)[name]


def test_a_large_label_map_is_read_while_its_memory_is_held(tmp_path: Path) -> None:
    # At this size freed memory goes back to the system at once, so that reading it would crash.
    write(np.pad(labels(np.int16), ((0, 260), (0, 260), (0, 260))), tmp_path / "seg.nii.gz")

    assert "a label map" in reasons(discover(tmp_path))["seg.nii.gz"]


@pytest.mark.parametrize("name", ["ct.nii.gz", "ct.nii", "ct.nrrd", "ct.mha"])
def test_a_ct_without_negative_values_is_not_taken_for_labels(tmp_path: Path, name: str) -> None:
    write((CT + 1200).astype(np.int16), tmp_path / name)

    assert len(discover(tmp_path).scans) == 1


def test_thick_slices_pictures_and_series_in_time_are_left_out(tmp_path: Path) -> None:
    sitk.WriteImage(image(CT, (1.0, 1.0, 5.0)), str(tmp_path / "thick.nii.gz"))
    sitk.WriteImage(image(CT, (1.0, 1.0, 3.0)), str(tmp_path / "thin.nii.gz"))
    sitk.WriteImage(image(CT[:1]), str(tmp_path / "slice.nii.gz"))
    sitk.WriteImage(sitk.JoinSeries([image(CT)] * 2), str(tmp_path / "moving.nii.gz"))

    found = discover(tmp_path)

    assert list(names(found)) == ["thin.nii.gz"]
    assert reasons(found) == {
        "moving.nii.gz": "a colour image or a series in time",
        "slice.nii.gz": "a picture or a single slice",
        "thick.nii.gz": "thick slices (5 mm; more than 3 mm)",
    }


def test_a_damaged_scan_is_tried_so_that_its_failure_is_explained(tmp_path: Path) -> None:
    (tmp_path / "broken.nii.gz").write_bytes(b"no image at all")
    (tmp_path / "broken.zip").write_bytes(b"no zip at all")

    assert list(names(discover(tmp_path))) == ["broken.nii.gz", "broken.zip"]


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    ct(tmp_path / ".hidden.nii.gz")
    ct(tmp_path / ".folder" / "ct.nii.gz")
    (tmp_path / "README.txt").write_text("a viewer")

    assert discover(tmp_path) == Discovery(scans=(), left_out=())


def test_results_of_negvol_and_the_folder_for_results_are_not_searched(tmp_path: Path) -> None:
    ct(tmp_path / "ct.nii.gz")
    ct(tmp_path / "out" / "copy.nii.gz")
    ct(tmp_path / "result" / "labels.nii.gz")
    record = {"schema": 99, "research_use": "", "scan": "ct", "steps": []}
    (tmp_path / "result" / "run.json").write_text(json.dumps(record))
    ct(tmp_path / "other program" / "ct.nii.gz")
    (tmp_path / "other program" / "run.json").write_text("{}")

    found = discover(tmp_path, tmp_path / "out")

    assert list(names(found)) == ["ct.nii.gz", "other program/ct.nii.gz"]
    assert reasons(found) == {"out": "the folder for the results", "result": "a result of negvol"}


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    ct(tmp_path / "in" / "ct.nii.gz")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in", target_is_directory=True)

    found = discover(tmp_path / "in")

    assert list(names(found)) == ["ct.nii.gz"]
    assert reasons(found) == {"circle": "a link to a folder"}


def test_images_in_a_zip_are_found_and_judged_like_others(tmp_path: Path) -> None:
    ct(tmp_path / "made" / "deep" / "ct.nii.gz")
    write(labels(np.uint8), tmp_path / "made" / "seg.nii.gz")
    write(CT, tmp_path / "made" / "two.mhd")
    (tmp_path / "made" / "two.raw").unlink(missing_ok=True)
    (tmp_path / "in").mkdir()
    shutil.make_archive(str(tmp_path / "in" / "study"), "zip", tmp_path / "made")

    found = discover(tmp_path / "in")

    assert names(found) == {"study.zip/deep/ct.nii.gz": "study_deep_ct"}
    assert reasons(found) == {
        "study.zip/seg.nii.gz": "8-bit values, as of a label map or a picture, not Hounsfield "
        "units",
        "study.zip/two.mhd": "in two files: unpack the zip",
    }


def test_a_damaged_image_in_a_zip_is_tried_and_the_others_are_found(tmp_path: Path) -> None:
    ct(tmp_path / "made" / "good.nii")
    ct(tmp_path / "made" / "bad.nii")
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "made")
    shutil.rmtree(tmp_path / "made")
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        start = archive.getinfo("bad.nii").header_offset + 100
    raw = bytearray((tmp_path / "study.zip").read_bytes())
    raw[start] ^= 255
    (tmp_path / "study.zip").write_bytes(raw)

    assert list(names(discover(tmp_path))) == ["study.zip/bad.nii", "study.zip/good.nii"]


def test_a_zip_without_scans_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as archive:
        archive.writestr("to mother.txt", "dear mother")

    assert discover(tmp_path) == Discovery(scans=(), left_out=())


def test_dicom_series_are_found_in_any_nesting_and_named_after_nobody(tmp_path: Path) -> None:
    write_series(tmp_path / "DOE^JOHN" / "S1", CT, series="1.2.3.1")
    write_series(tmp_path / "DOE^JOHN" / "S1", CT, series="1.2.3.2", names=_second(len(CT)))
    write_series(tmp_path / "mr", CT, series="1.2.3.3", modality="MR")
    write_series(tmp_path / "made", CT, series="1.2.3.4")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "made")
    shutil.rmtree(tmp_path / "made")

    found = discover(tmp_path)

    assert len({scan.name for scan in found.scans}) == 3
    assert all(scan.name.startswith("ct-") and scan.series for scan in found.scans)
    assert {scan.shown.split(" (")[0] for scan in found.scans} == {"DOE^JOHN/S1", "packed.zip"}
    ((shown, reason),) = reasons(found).items()
    assert shown.startswith("mr (")
    assert reason == "MR images, no CT"


def test_dicom_results_keep_their_names_when_files_are_renamed(tmp_path: Path) -> None:
    write_series(tmp_path / "a", CT, series="1.2.3.1")
    before = [scan.name for scan in discover(tmp_path).scans]
    (tmp_path / "a").rename(tmp_path / "b")

    assert [scan.name for scan in discover(tmp_path).scans] == before


def test_dicom_in_the_folder_for_results_is_not_searched(tmp_path: Path) -> None:
    write_series(tmp_path / "out" / "a", CT, series="1.2.3.1")
    write_series(tmp_path / ".cache", CT, series="1.2.3.2")

    assert discover(tmp_path, tmp_path / "out").scans == ()


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        discover(tmp_path / "nowhere")


def _second(count: int) -> list[str]:
    return [f"second{number:03}.dcm" for number in range(count)]


def write_key(folder: Path) -> Pseudonyms:
    (folder / "key").write_bytes(bytes(range(32)))
    return Pseudonyms.load(folder / "key")


def test_under_pseudonyms_no_path_is_shown_and_nothing_is_written(tmp_path: Path) -> None:
    ct(tmp_path / "DOE^JOHN" / "ct.nii.gz")
    write(CT[::-1], tmp_path / "DOE^JOHN" / "ct.nii")
    write_series(tmp_path / "dicom", CT, series="1.2.3.1")
    pseudonyms = write_key(tmp_path)

    found = discover(tmp_path, pseudonym=pseudonyms.name_for)

    assert found.private
    assert len({scan.name for scan in found.scans}) == 3
    assert all(scan.shown == scan.name and "DOE" not in scan.name for scan in found.scans)
    assert not pseudonyms.crosswalk.exists()
    assert {scan.entry().place for scan in found.scans} == {
        str(tmp_path / "DOE^JOHN" / "ct.nii.gz"),
        str(tmp_path / "DOE^JOHN" / "ct.nii"),
        str(tmp_path / "dicom"),
    }


def test_under_pseudonyms_copies_of_a_scan_are_measured_once(tmp_path: Path) -> None:
    ct(tmp_path / "a" / "ct.nii.gz")
    (tmp_path / "b").mkdir()
    shutil.copy(tmp_path / "a" / "ct.nii.gz", tmp_path / "b" / "other name.nii.gz")

    found = discover(tmp_path, pseudonym=write_key(tmp_path).name_for)

    assert len(found.scans) == 1
    assert [left.reason for left in found.left_out] == ["a copy of the same scan"]


def test_an_image_in_a_zip_has_the_pseudonym_of_its_content(tmp_path: Path) -> None:
    ct(tmp_path / "made" / "ct.nii.gz")
    (tmp_path / "in").mkdir()
    shutil.make_archive(str(tmp_path / "in" / "study"), "zip", tmp_path / "made")
    name_for = write_key(tmp_path).name_for

    (packed,) = discover(tmp_path / "in", pseudonym=name_for).scans
    (unpacked,) = discover(tmp_path / "made", pseudonym=name_for).scans

    assert packed.name == unpacked.name


def test_a_file_that_cannot_be_read_has_a_pseudonym_and_fails_later(tmp_path: Path) -> None:
    (tmp_path / "DOE.zip").write_bytes(b"no zip at all")
    (tmp_path / "ROE.zip").write_bytes(b"no zip at all either")

    found = discover(tmp_path, pseudonym=write_key(tmp_path).name_for)

    assert len({scan.name for scan in found.scans}) == 2
    assert all(scan.name.startswith("pat-") for scan in found.scans)


def test_files_that_differ_in_their_endings_alone_are_two_scans(tmp_path: Path) -> None:
    for ending in ("mha", "nrrd", "nii"):
        write(CT, tmp_path / f"scan.{ending}")

    assert len({name.casefold() for name in names(discover(tmp_path)).values()}) == 3


def test_two_series_that_bear_one_uid_are_two_scans(tmp_path: Path) -> None:
    """As of an anonymiser that gives the same UIDs to all; a copy is still a copy."""
    write_series(tmp_path / "a", CT, series="1.2.3.1", study="1.2.3")
    write_series(tmp_path / "b", CT[::-1], series="1.2.3.1", study="1.2.4")
    shutil.make_archive(str(tmp_path / "copy"), "zip", tmp_path / "a")

    found = discover(tmp_path)

    assert len({scan.name for scan in found.scans}) == len(found.scans) == 2
    assert list(reasons(found).values()) == ["a copy of the same series"]


def test_a_series_that_lies_in_many_folders_is_one_scan_whatever_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_search, "_MOST_HELD", 5)
    folder = write_series(tmp_path / "in" / "a", CT, series="1.2.3.1")
    for number, file in enumerate(sorted(folder.iterdir())[::2]):
        (tmp_path / "in" / f"b{number}").mkdir()
        file.rename(tmp_path / "in" / f"b{number}" / file.name)

    (scan,) = discover(tmp_path / "in").scans

    series = scan.load_series()
    assert series is not None
    assert series.slices == len(CT)
    assert np.array_equal(intake_of(scan).read().volume.values_zyx, CT)


def test_what_a_worker_gets_names_nobody(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "in", CT, series="1.2.3.1")
    for file in folder.iterdir():
        made = pydicom.dcmread(file)
        made.PatientID, made.SeriesDescription, made.IssuerOfPatientID = "CANARY1", "CANARY2", "X3"
        made.FrameOfReferenceUID = "1.2.826.77"
        made.save_as(file)
    (scan,) = discover(tmp_path / "in").scans

    sent = pickle.dumps(scan.for_worker())
    assert pickle.dumps(scan) == sent

    for secret in ("CANARY1", "CANARY2", "X3", "1.2.3.1", "1.2.826.77", made.StudyInstanceUID):
        assert str(secret).encode() not in sent
    assert str(tmp_path) not in repr(scan)
    received = pickle.loads(sent)  # noqa: S301 - our own
    assert np.array_equal(intake_of(received).read().volume.values_zyx, CT)
    kept = intake_of(scan.for_worker(keep_patient_id=True), keep_patient_id=True)
    assert kept.patient_id == "CANARY1"


def test_what_is_kept_of_a_search_does_not_grow_with_the_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.5 KB a slice come to 41 GiB for a hundred thousand studies."""
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1)
    write_series(tmp_path / "few", ct_values((10, 12, 12)), series="1.2.3.1")
    write_series(tmp_path / "many", ct_values((210, 12, 12)), series="1.2.3.2")
    for folder in ("few", "many"):
        discover(tmp_path / folder)  # what libraries keep for themselves, they keep now

    kept = []
    for folder in ("few", "many"):
        tracemalloc.start()
        found = discover(tmp_path / folder)
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(found.scans) == 1

    assert kept[1] - kept[0] < 200 * 10
