"""What is copied of a header, also of a bad one, and what is refused before it is measured."""

from __future__ import annotations

import logging
import shutil
import subprocess
import zipfile
from pathlib import Path

import pydicom
import pytest
from pydicom.config import disable_value_validation

from negvol_cli.dicom_out import writing
from negvol_cli.dicom_out.source import COPIED
from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.errors import InputError, NegvolError
from negvol_cli.io.dicom import choose_in
from tests.dicom_out import made_results as made
from tests.io.dicom.made_dicom import compress, save

OBJECTS = ("segmentation.dcm", "measurements.dcm", "report.dcm")


def objects(folder: Path) -> list[pydicom.FileDataset]:
    return [pydicom.dcmread(folder / name) for name in OBJECTS]


def images(**attributes) -> list[pydicom.FileDataset]:
    """A straight study; an attribute that is None is taken out of its headers."""
    lie = made.straight()
    with disable_value_validation():
        return made.images_of(lie, **attributes)


FULL = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "IssuerOfPatientID": "HOSPITAL",
    "PatientBirthDate": "19440102",
    "PatientSex": "F",
    "PatientAge": "082Y",
    "StudyID": "S1",
    "StudyDate": "20260301",
    "StudyTime": "101112.5",
    "StudyDescription": "CT head",
    "AccessionNumber": "A7",
    "ReferringPhysicianName": "Ref^Erring",
    "Manufacturer": "SCANNERS",
    "ManufacturerModelName": "Fast 3",
    "PatientComments": "likes tea",
    "InstitutionName": "Hospital",
    "OperatorsName": "Op^Erator",
    "StationName": "CT3",
    "DeviceSerialNumber": "123",
}


def test_patient_and_study_are_those_of_the_source_and_nothing_else_is_copied(tmp_path):
    source = images(**FULL)
    for one in source:
        one.private_block(0x0009, "SECRETS", create=True).add_new(0x10, "LO", "private")

    for data in objects(made.written(source, tmp_path)):
        for name, value in FULL.items():
            if name in COPIED and not name.startswith("Manufacturer"):  # ours, and the scanner's
                assert data[name].value == value
        assert data.StudyInstanceUID == source[0].StudyInstanceUID
        text = str(data)
        for secret in ("likes tea", "Hospital", "Op^Erator", "CT3", "private"):
            assert secret not in text
        assert data.Manufacturer == "negvol"


def test_the_equipment_names_the_program_the_models_and_the_scanner(tmp_path):
    result = made.written(images(**FULL), tmp_path)

    for data in objects(result):
        program, models = data.SoftwareVersions
        assert program.startswith("0.")
        assert models == "models tiny 1.0 (0123456789ab)"
    for data in objects(result)[:2]:
        scanners = [item.Manufacturer for item in data.ContributingEquipmentSequence]
        assert scanners[0] == "SCANNERS"


def test_a_segmentation_of_images_compressed_with_loss_says_so(tmp_path):
    loss = {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": "8.5",
        "LossyImageCompressionMethod": "ISO_15444_1",
    }

    seg, sr, pdf = objects(made.written(images(**loss), tmp_path))

    assert {name: str(seg[name].value) for name in loss} == loss
    assert not {*loss} & {element.keyword for data in (sr, pdf) for element in data}


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Ελένη^Παππά"),
        ("ISO_IR 144", "Люкceмбypг"),
    ],
)
def test_a_name_in_any_character_set_arrives_as_it_was_written(tmp_path, charset, name):
    source = images(SpecificCharacterSet=charset, PatientName=name)

    for data in objects(made.written(source, tmp_path)):
        assert data.SpecificCharacterSet == "ISO_IR 192"
        assert str(data.PatientName) == name


def test_western_letters_without_a_character_set_are_taken_for_latin_1(tmp_path):
    source = images()
    for one in source:
        one.PatientName = "Müller^Jörg".encode("latin-1")

    for data in objects(made.written(source, tmp_path)):
        assert str(data.PatientName) == "Müller^Jörg"


def test_a_header_without_character_set_patient_or_study_gets_empty_attributes(tmp_path):
    bare = dict.fromkeys(("PatientID", "PatientName", "FrameOfReferenceUID"))

    made_of = objects(made.written(images(**bare), tmp_path))

    for data in made_of:
        for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID"):
            assert not data[name].value
        assert "PatientAge" not in data
    assert made_of[0].FrameOfReferenceUID.is_valid


def test_a_uid_that_dicom_forbids_and_hospitals_have_is_kept(tmp_path):
    uids = {"StudyInstanceUID": "1.2.840.0123.007", "FrameOfReferenceUID": "1.2.00.4"}

    for data in objects(made.written(images(**uids), tmp_path)):
        assert data.StudyInstanceUID == uids["StudyInstanceUID"]
        assert data.get("FrameOfReferenceUID", "1.2.00.4") == "1.2.00.4"


@pytest.mark.parametrize(
    ("given", "copied"),
    [
        ({"PatientBirthDate": "19440230"}, {"PatientBirthDate": ""}),
        ({"StudyDate": "00000101"}, {"StudyDate": ""}),
        ({"StudyTime": "1011"}, {"StudyTime": "1011"}),
        ({"StudyTime": "10.5"}, {"StudyTime": ""}),
        ({"StudyTime": "235960"}, {"StudyTime": ""}),
        ({"StudyDescription": "2024.01.02"}, {"StudyDescription": "2024.01.02"}),
        ({"NumberOfFrames": 1}, {}),
    ],
)
def test_dates_and_times_are_copied_if_they_are_ones(tmp_path, given, copied):
    result = made.written(images(**given), tmp_path)

    for data in objects(result):
        assert {name: str(data[name].value or "") for name in copied} == copied
    frames = pydicom.dcmread(result / OBJECTS[0]).PerFrameFunctionalGroupsSequence
    assert "ReferencedFrameNumber" not in str(frames[0].DerivationImageSequence[0])


ODD = {
    "PatientName": "X" * 200 + "^" + "Y" * 80,
    "PatientID": "A" * 90,
    "PatientBirthDate": "1944.01.02",
    "StudyDate": "yesterday",
    "StudyTime": "25 o'clock",
    "PatientSex": "unknown",
    "AccessionNumber": "much longer than sixteen characters",
    "PatientAge": "old",
}


def test_odd_values_are_kept_where_they_identify_and_left_out_where_they_mean_nothing(tmp_path):
    for data in objects(made.written(images(**ODD), tmp_path)):
        for name in ("PatientName", "PatientID", "AccessionNumber"):
            assert str(data[name].value) == ODD[name]
        assert data.PatientBirthDate == "19440102"
        assert not data.StudyDate
        assert not data.StudyTime
        assert not data.PatientSex
        assert "PatientAge" not in data


def test_nobody_is_named_on_screen_or_in_logs(tmp_path, caplog, capfd, recwarn):
    with caplog.at_level(logging.DEBUG):
        made.written(images(PatientName="SingleName", PatientID="SECRET4711"), tmp_path)

    said = caplog.text + "".join(capfd.readouterr()) + "".join(str(w.message) for w in recwarn)
    assert "SingleName" not in said
    assert "SECRET4711" not in said


def test_a_zip_of_compressed_images_is_referred_to_like_a_folder(tmp_path):
    folder = save(images(), tmp_path / "study")
    for path in folder.iterdir():
        compress(path, "JPEG2000Lossless")
    packed = tmp_path / "study.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, f"a/{path.name}")

    results = [made.write(packed, tmp_path / "zip"), made.write(folder, tmp_path / "folder")]

    found = [pydicom.dcmread(result / "segmentation.dcm") for result in results]
    assert found[0].PixelData == found[1].PixelData
    for one, other in zip(*(d.PerFrameFunctionalGroupsSequence for d in found), strict=True):
        assert one.DerivationImageSequence == other.DerivationImageSequence


def test_a_result_that_is_made_again_has_other_uids_and_the_same_numbers(tmp_path):
    study = save(images(), tmp_path / "study")

    first, second = (objects(made.write(study, tmp_path / name)) for name in "ab")

    for one, other in zip(first, second, strict=True):
        assert one.SOPInstanceUID != other.SOPInstanceUID
        assert one.SeriesInstanceUID != other.SeriesInstanceUID
        assert one.SeriesNumber == other.SeriesNumber >= 10_000_000
    assert len({data.SeriesNumber for data in first}) == 3
    assert first[0].PixelData == second[0].PixelData


def refused(folder: Path) -> str:
    """Why results as DICOM are refused, before anything is measured."""
    series, _ = choose_in(folder)
    with pytest.raises(InputError) as err:
        dicom_out(series)
    return str(err.value)


def test_a_series_that_results_could_not_refer_to_is_refused_before_it_is_measured(tmp_path):
    no_study = images(StudyInstanceUID=None)
    assert "no valid StudyInstanceUID" in refused(save(no_study, tmp_path / "a"))

    nameless = images()
    del nameless[3].SOPInstanceUID
    assert "has no SOP class or instance UID" in refused(save(nameless, tmp_path / "b"))

    twins = images()
    for one in twins[4:7]:
        one.SOPInstanceUID = twins[4].SOPInstanceUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    assert "3 different images of ct-" in refused(save(twins, tmp_path / "c"))


def test_a_study_that_changes_while_it_is_measured_has_no_result(tmp_path):
    study = save(images(), tmp_path / "study")
    series, _ = choose_in(study)
    as_dicom = dicom_out(series)
    other = images()
    for part in other:
        part.PatientID = "somebody else"
    save(other, study)
    measurement = made.measurement_of(choose_in(study)[0])
    (tmp_path / "out").mkdir()

    with pytest.raises(InputError, match="was changed while it was read"):
        as_dicom(measurement, tmp_path / "out")

    assert not list((tmp_path / "out").iterdir())


def test_without_the_extra_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.importlib.util, "find_spec", lambda _: None)
    series, _ = choose_in(save(images(), tmp_path / "study"))

    with pytest.raises(NegvolError, match=r"pip install 'negvol\[dicom\]'"):
        dicom_out(series)


@pytest.mark.parametrize("tool", ["dciodvfy", "dcmdump"])
def test_tools_of_others_find_no_error(tmp_path, tool):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    result = made.written(images(**FULL), tmp_path)

    for name in OBJECTS:
        done = subprocess.run([tool, str(result / name)], capture_output=True, check=False)

        said = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
        assert not [line for line in said if line.startswith(("Error", "E:", "F:"))]
