"""What lies in a folder or a zip, and which series of it is measured."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import choose_series, find_series, parts
from negvol_cli.io.image import read_scan, write_labels
from tests.io.dicom.made_dicom import ROOT, ct_values, image, places, save, series_of

VALUES = ct_values()
THIN = ct_values((60, 24, 26))
REFORMAT = ["DERIVED", "SECONDARY", "REFORMATTED"]


def series(number, values=VALUES, step_mm=2.5, **attributes):
    return series_of(
        values,
        places(len(values), step_mm),
        series=f"{ROOT}.{number}",
        SeriesNumber=number,
        **attributes,
    )


def fine(number, **attributes):
    """Fine and long enough to be the best of a study: 60 slices of 1.5 mm."""
    return series(number, THIN, 1.5, PixelSpacing=[1.8, 1.8], **attributes)


def zipped(folder, path):
    return shutil.make_archive(str(path), "zip", folder)


def directory():
    """A DICOMDIR without records."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.FileSetID = "STUDY"
    made.DirectoryRecordSequence = []
    return made


def test_a_study_with_other_files_in_nested_folders_is_read(tmp_path):
    save(series_of(VALUES), tmp_path / "DICOM" / "PAT00" / "ST01" / "SE03")
    directory().save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    (tmp_path / "AUTORUN.INF").write_text("[autorun]")
    (tmp_path / "DICOM" / "empty").write_bytes(b"")
    (tmp_path / "DICOM" / "viewer.exe").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "DICOM" / "loop").symlink_to(tmp_path)

    assert (read_scan(tmp_path).volume.values_zyx == VALUES).all()
    assert (read_scan(tmp_path / "DICOMDIR").volume.values_zyx == VALUES).all()


def test_a_zip_reads_like_its_folder_and_its_names_lead_nowhere(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "in")
    path = tmp_path / "work" / "study.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(sorted(folder.iterdir())):
            prefix = ("../../../", "/tmp/", "C:\\", "a/b/c/")[number % 4]  # noqa: S108
            archive.write(file, f"{prefix}{file.name}")
        archive.writestr("a/", b"")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))

    scan = read_scan(path)

    assert (scan.volume.values_zyx == VALUES).all()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_multi_frame_file_in_a_zip_is_read(tmp_path):
    path = tmp_path / "study.zip"
    image(VALUES, (-20, -22, 5), SpacingBetweenSlices=2.5).save_as(tmp_path / "cbct")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "cbct")

    assert (read_scan(path).volume.values_zyx == VALUES).all()


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MOST_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**21))

    with pytest.raises(InputError, match="unpacks to more than"):
        read_scan(tmp_path / "bomb.zip")


def test_a_member_that_packs_as_no_ct_does_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**27))

    with pytest.raises(InputError, match=r"packs 128 MiB into \d+ KiB"):
        read_scan(tmp_path / "bomb.zip")


@pytest.mark.parametrize("damage", ["cut", "text"])
def test_a_damaged_zip_is_explained(tmp_path, damage):
    path = tmp_path / "study.zip"
    zipped(save(series_of(VALUES), tmp_path / "in"), tmp_path / "study")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"no zip at all")

    with pytest.raises(InputError, match="cannot unpack"):
        read_scan(path)


@pytest.mark.parametrize("held", ["nothing", "text"])
def test_a_folder_without_dicom_is_refused(tmp_path, held):
    if held == "text":
        (tmp_path / "README").write_text("nothing to see")

    with pytest.raises(InputError, match=r"contains no DICOM images: .* NRRD or MHA file itself"):
        read_scan(tmp_path)


def test_the_best_series_is_chosen_and_said(tmp_path):
    save(series(2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path / "scout")
    save(series(3, VALUES, 2.5), tmp_path / "thick")
    save(fine(4), tmp_path / "thin")
    save(series(5, VALUES, 1.5, PixelSpacing=[1.8, 1.8]), tmp_path / "short")
    save(series(6, THIN, 1.5, Modality="MR"), tmp_path / "mr")
    save(series(7, THIN, 1.5, PixelSpacing=[1.8, 1.8], ImageType=REFORMAT), tmp_path / "mpr")

    scan = read_scan(tmp_path)

    assert (scan.volume.values_zyx == THIN).all()
    assert scan.notes == (
        "one of 4 CT series (number 4), chosen by voxel size and length: 60 slices with voxels of "
        "1.8 x 1.8 x 1.5 mm",
    )
    reasons = {s.number: s.why_not for s in find_series(tmp_path)}
    assert reasons == {
        2: "a localiser image",
        3: None,
        4: None,
        5: None,
        6: "MR images, no CT",
        7: f"a reformat of {scan.name}",
    }


def test_a_series_can_be_chosen_by_its_number_or_key(tmp_path):
    save(series(3), tmp_path / "a")
    save(fine(4), tmp_path / "b")
    by_number = {s.number: s for s in find_series(tmp_path)}

    by_its_number = read_scan(tmp_path, series="3")

    assert (by_its_number.volume.values_zyx == VALUES).all()
    assert by_its_number.name == by_number[3].name
    for key in (by_number[3].key, by_number[3].name.upper()):
        assert read_scan(tmp_path, series=key).name == by_number[3].name


@pytest.mark.parametrize("wanted", ["17", "DOE"])
def test_a_series_that_is_not_there_is_refused_with_what_there_is(tmp_path, wanted):
    save(series(3), tmp_path / "a")

    with pytest.raises(InputError, match=r"no series of the name .* \(number 3, 22 images\)"):
        read_scan(tmp_path, series=wanted)


def test_series_of_several_patients_are_not_chosen_among(tmp_path):
    save(series(3), tmp_path / "a")
    save(fine(4, PatientID="P2", study=f"{ROOT}.8"), tmp_path / "b")

    with pytest.raises(InputError, match="series of 2 patients"):
        read_scan(tmp_path)
    assert (read_scan(tmp_path, series="4").volume.values_zyx == THIN).all()


def test_studies_without_a_patient_id_are_not_taken_for_one_patient(tmp_path):
    save(series(3, PatientID=""), tmp_path / "a")
    save(fine(4, PatientID="", study=f"{ROOT}.8"), tmp_path / "b")

    with pytest.raises(InputError, match="series of 2 patients"):
        read_scan(tmp_path)


def test_a_file_that_cannot_be_opened_among_the_slices_is_said(tmp_path, monkeypatch):
    folder = save(series_of(VALUES), tmp_path / "ct")
    closed = sorted(folder.iterdir())[4]
    real = Path.open

    def opened(path, *arguments, **options):
        if path == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", opened)

    with pytest.raises(InputError, match=r"\(file 5 of 22 .* slices, of which one is missing"):
        read_scan(folder)


def test_a_series_of_thick_slices_alone_is_measured_and_said(tmp_path):
    save(series(3, VALUES, 4.0), tmp_path / "ct")

    scan = read_scan(tmp_path)

    assert scan.notes == ("should not be measured: thick slices (4 mm apart; more than 3 mm)",)
    assert [s.unusable for s in find_series(tmp_path)] == [False]


def test_a_reformat_alone_is_measured(tmp_path):
    save(series(3, ImageType=REFORMAT), tmp_path / "ct")

    assert read_scan(tmp_path).notes == ()


def test_a_localiser_in_the_series_of_its_slices_does_not_disturb(tmp_path):
    scouts = [
        image(ct_values((1, 80, 90))[0], (-90, 0, 80), 98, axes=(1, 0, 0, 0, 0, -1)),
        image(ct_values((1, 80, 90))[0], (0, -90, 80), 99, axes=(0, 1, 0, 0, 0, -1)),
    ]

    scan = read_scan(save([*scouts, *series_of(VALUES)], tmp_path / "ct"))

    assert (scan.volume.values_zyx == VALUES).all()
    assert scan.notes == ()


@pytest.mark.parametrize("count", [1, 2])
def test_a_slice_or_two_are_no_scan(tmp_path, count):
    with pytest.raises(InputError, match=rf"{count} image\(s\), where a scan has many"):
        read_scan(save(series_of(VALUES[:count]), tmp_path / "ct"))


def test_names_and_handles_come_from_no_name(tmp_path):
    folder = save(series_of(VALUES, SeriesDescription="DOE JOHN head"), tmp_path / "Doe^John")

    found = find_series(folder)[0]

    # printf '%s' 1.2.826.0.1.3680043.2.1125.1 | sha256sum
    assert found.name == "ct-2cd74f57"
    assert "DOE" not in repr(found).upper()
    assert ROOT not in repr(found)
    assert choose_series([found]) is found


def test_labels_of_a_series_are_written_on_its_grid(tmp_path):
    scan = read_scan(save(series_of(VALUES), tmp_path / "ct"))

    write_labels((VALUES > 500).astype(np.uint8), scan, tmp_path / "labels.nii.gz")

    again = read_scan(tmp_path / "labels.nii.gz").volume
    assert (again.values_zyx == (VALUES > 500)).all()
    assert again.grid.corners_mm() == pytest.approx(scan.volume.grid.corners_mm(), abs=1e-3)


def test_a_choice_of_series_in_an_image_file_is_refused(tmp_path):
    scan = read_scan(save(series_of(VALUES), tmp_path / "ct"))
    write_labels((VALUES > 500).astype(np.uint8), scan, tmp_path / "labels.nii.gz")

    with pytest.raises(InputError, match="is not DICOM"):
        read_scan(tmp_path / "labels.nii.gz", series="3")
