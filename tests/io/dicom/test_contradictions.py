"""What hospitals and other programs write into one series that does not go together."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import find_series
from negvol_cli.io.dicom.pixels import PixelReader
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    PIXEL_MM,
    ROOT,
    STEP_MM,
    ct_values,
    enhanced,
    image,
    item,
    places,
    save,
    series_of,
)

VALUES = ct_values()
LONG = ct_values((60, 24, 26))


def said(scan, text):
    return any(text in note for note in scan.notes)


# ---- two scans woven into one series


@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("AcquisitionNumber", 1, 2),
        ("ConvolutionKernel", "H31s", "H70h"),
        ("KVP", "80", "140"),
        ("SliceThickness", "1", "5"),
        ("FilterType", "WEDGE_2", "FLAT"),
        ("IrradiationEventUID", "1.2.3", "1.2.4"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "PRIMARY", "AXIAL"]),
        ("TemporalPositionIndex", 1, 2),
        ("AcquisitionTime", "101500", "102200.5"),
        ("SeriesDescription", "DOE native", "DOE contrast"),
        ("ReconstructionDiameter", "200", "250"),
    ],
)
def test_two_scans_at_alternate_places_are_two_series(tmp_path, keyword, one, other):
    made = series_of(LONG, places(60, 1.0))
    for number, part in enumerate(made):
        setattr(part, keyword, other if number % 2 else one)
    save(made, tmp_path / "ct")

    found = find_series(tmp_path / "ct")
    scans = [read_scan(tmp_path / "ct", series.key) for series in found]

    assert [series.slices for series in found] == [30, 30]
    halves = {tuple(scan.volume.values_zyx[:, 0, 0]) for scan in scans}
    assert halves == {tuple(LONG[::2, 0, 0]), tuple(LONG[1::2, 0, 0])}
    assert all(said(scan, "one of 2 CT series") for scan in scans)


@pytest.mark.parametrize("turned", [False, True])
def test_two_sweeps_that_only_their_numbers_tell_apart_are_two_series(tmp_path, turned):
    made = series_of(LONG, places(60, 1.0))
    for number, part in enumerate(made):
        sweep = 59 - number if turned else number
        part.InstanceNumber = 1 + sweep // 2 + (30 if sweep % 2 else 0)

    assert [s.slices for s in find_series(save(made, tmp_path / "ct"))] == [30, 30]


@pytest.mark.parametrize("numbers", ["shuffled", "equal", "backwards", "missing", "in two slabs"])
def test_numbers_of_images_part_no_other_series(tmp_path, numbers):
    made = series_of(LONG, places(60, 1.0))
    given = {
        "shuffled": np.random.default_rng(3).permutation(60),
        "equal": np.ones(60, int),
        "backwards": np.arange(60)[::-1],
        "in two slabs": np.concatenate([np.arange(30, 60), np.arange(30)]),
    }
    for k, part in enumerate(made):
        part.InstanceNumber = None if numbers == "missing" else int(given[numbers][k])

    assert (read_scan(save(made, tmp_path / "ct")).volume.values_zyx == LONG).all()


@pytest.mark.parametrize("keyword", ["AcquisitionNumber", "ConvolutionKernel", "KVP"])
@pytest.mark.parametrize("overlap", [0, 2])
def test_slabs_one_after_the_other_are_one_scan(tmp_path, keyword, overlap):
    made = series_of(LONG, places(60, 1.0))
    for number, part in enumerate(made):
        upper = number >= 30 + (overlap if number % 2 else 0)
        setattr(part, keyword, "2" if upper else "1")

    scan = read_scan(save(made, tmp_path / "ct"))

    assert (scan.volume.values_zyx == LONG).all()
    assert scan.notes == ()


def test_a_scan_of_which_each_slice_is_an_acquisition_is_one_scan(tmp_path):
    made = series_of(VALUES)
    for number, part in enumerate(made):
        part.AcquisitionNumber = number

    assert (read_scan(save(made, tmp_path / "ct")).volume.values_zyx == VALUES).all()


# ---- frames of reference


def test_a_frame_of_reference_for_each_image_says_nothing(tmp_path):
    # The 65th kind of image was once taken for the 64th.
    values = ct_values((94, 24, 26))
    made = series_of(values, places(94, 1.5))
    for number, part in enumerate(made):
        part.FrameOfReferenceUID = f"{ROOT}.79.{number}"

    scan = read_scan(save(made, tmp_path / "ct"))

    assert (scan.volume.values_zyx == values).all()
    assert said(scan, "each image names a frame of reference of its own")


def test_two_frames_of_reference_are_two_series(tmp_path):
    made = [*series_of(LONG, places(60, 1.0)), *series_of(VALUES, places(22, 2.5))]
    for number, part in enumerate(made):
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        part.FrameOfReferenceUID = f"{ROOT}.79.{int(number >= 60)}"

    assert [s.slices for s in find_series(save(made, tmp_path / "ct"))] == [60, 22]


def test_images_of_a_hundred_kinds_are_not_taken_for_one_another(tmp_path):
    made = series_of(VALUES)
    for number in range(100):
        stray = image(np.zeros((30, 31 + number), np.int16), (0, 0, 500 + number), 1000 + number)
        made.append(stray)

    scan = read_scan(save(made, tmp_path / "ct"))

    assert (scan.volume.values_zyx == VALUES).all()
    assert said(scan, "100 images of the series fit into no stack and were left out")


# ---- fine slices below, thick ones above


def test_the_fine_part_of_a_scan_is_measured_and_the_thick_one_said(tmp_path):
    z = np.array([*np.arange(0, 60) * 1.5, *np.arange(60, 120, 4) * 1.5])
    values = ct_values((75, 24, 26))
    positions = np.column_stack([np.full(75, -20.0), np.full(75, -22.0), z])
    folder = save(series_of(values, positions), tmp_path / "ct")

    scan = read_scan(folder)

    assert scan.volume.grid.size_xyz[2] in (60, 61)
    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(1.5)
    assert (scan.volume.values_zyx[:60] == values[:60]).all()
    assert said(scan, "slices up to 6 mm apart were left out")
    assert [series.why_not for series in find_series(folder)] == [None]


def test_a_few_thick_slices_at_the_end_are_no_missing_ones(tmp_path):
    z = np.array([*np.arange(0, 60) * 1.5, 94.5, 100.5, 106.5])
    values = ct_values((63, 24, 26))
    positions = np.column_stack([np.full(63, -20.0), np.full(63, -22.0), z])

    scan = read_scan(save(series_of(values, positions), tmp_path / "ct"))

    assert (scan.volume.values_zyx == values[:60]).all()
    assert scan.notes == (
        "3 slices up to 6 mm apart were left out: only the 60 fine ones, over 88 mm, were measured",
    )


@pytest.mark.parametrize("order", [1, -1])
def test_more_thick_slices_than_fine_ones_make_no_thick_scan(tmp_path, order):
    steps = [1.0] * 50 + [5.0] * 60
    z = np.concatenate([[0.0], np.cumsum(steps[::order])])
    values = ct_values((111, 24, 26))
    positions = np.column_stack([np.full(111, -20.0), np.full(111, -22.0), z])
    folder = save(series_of(values, positions), tmp_path / "ct")

    scan = read_scan(folder)

    fine = values[:51] if order == 1 else values[-51:]
    assert (scan.volume.values_zyx == fine).all()
    assert scan.volume.grid.origin_mm_xyz[2] == pytest.approx(z[0] if order == 1 else z[-51])
    assert find_series(folder)[0].spacing_mm_xyz[2] == pytest.approx(1.0)


# ---- padding


def with_padding(values, padding, keyword="SS"):
    made = series_of(values, intercept=0)
    for part in made:
        part.add_new("PixelPaddingValue", keyword, padding)
    return made


def test_a_padding_value_that_tissue_has_pads_nothing_among_tissue(tmp_path):
    assert np.count_nonzero(VALUES == 0) > 1

    scan = read_scan(save(with_padding(VALUES, 0), tmp_path / "ct"))

    assert (scan.volume.values_zyx == VALUES).all()
    assert said(scan, "PixelPaddingValue stands for 0 HU, which tissue has")


def test_a_padding_value_that_tissue_has_pads_the_corners(tmp_path):
    y, x = np.ogrid[:24, :26]
    outside = np.hypot(y - 11.5, x - 12.5) > 12.5
    values = np.where(outside, 40, VALUES).astype(np.int16)
    middle = (10, 12, 12)
    values[middle] = 40

    scan = read_scan(save(with_padding(values, 40), tmp_path / "ct"))

    expected = np.where(outside, -2000, values)
    assert (scan.volume.values_zyx == expected).all()
    assert scan.volume.values_zyx[middle] == 40


@pytest.mark.parametrize("limit", [-3024, -1500])
def test_a_range_of_padding_below_all_air_counts_as_not_scanned(tmp_path, limit):
    values = VALUES.copy()
    values[:, :3] = -3024
    values[:, 3:5] = -2000
    made = with_padding(values, -3024)
    for part in made:
        part.add_new("PixelPaddingRangeLimit", "SS", limit)

    scan = read_scan(save(made, tmp_path / "ct"))

    padded = (values == -3024) | ((values == -2000) & (limit == -1500))
    assert (scan.volume.values_zyx == np.where(padded, -2000, values)).all()


# ---- one file that says a thing twice


def test_groups_that_contradict_each_other_are_refused(tmp_path):
    spacing = item(PixelSpacing=[1.0, 1.0])
    turned = item(ImageOrientationPatient=[-1, 0, 0, 0, 1, 0])
    scale = item(RescaleIntercept=0, RescaleSlope=1)
    for name, keyword, own in (
        ("PixelMeasuresSequence", "PixelSpacing", spacing),
        ("PlaneOrientationSequence", "ImageOrientationPatient", turned),
        ("PixelValueTransformationSequence", "RescaleIntercept", scale),
    ):
        made = enhanced(VALUES, places(len(VALUES)))
        setattr(made.PerFrameFunctionalGroupsSequence[9], name, [own])
        made.save_as(tmp_path / keyword, enforce_file_format=True)

        with pytest.raises(InputError, match=rf"a {keyword} that is stated twice"):
            read_scan(tmp_path / keyword)


def test_the_top_of_a_file_that_contradicts_its_groups_is_refused(tmp_path):
    same = enhanced(VALUES, places(len(VALUES)), PixelSpacing=list(PIXEL_MM))
    same.save_as(tmp_path / "same", enforce_file_format=True)
    assert (read_scan(tmp_path / "same").volume.values_zyx == VALUES).all()

    made = enhanced(VALUES, places(len(VALUES)), PixelSpacing=[1.0, 1.0])
    made.save_as(tmp_path / "ct", enforce_file_format=True)
    with pytest.raises(InputError, match="a PixelSpacing that is stated twice"):
        read_scan(tmp_path / "ct")


def test_a_spacing_that_the_positions_do_not_bear_out_is_said(tmp_path):
    made = series_of(VALUES, SpacingBetweenSlices=9.0)

    scan = read_scan(save(made, tmp_path / "ct"))

    assert scan.volume.grid.spacing_mm_xyz[2] == pytest.approx(STEP_MM)
    assert said(scan, "names 9 mm between slices (SpacingBetweenSlices) and their positions 2.5")


@pytest.mark.parametrize(("mm", "remark"), [([3.0, 3.0], True), (list(PIXEL_MM), False)])
def test_pixels_of_the_detector_are_not_those_of_the_patient(tmp_path, mm, remark):
    made = series_of(VALUES, ImagerPixelSpacing=mm)
    alone = series_of(VALUES, ImagerPixelSpacing=mm, PixelSpacing=None)

    scan = read_scan(save(made, tmp_path / "ct"))

    assert scan.volume.grid.spacing_mm_xyz[:2] == pytest.approx(PIXEL_MM[::-1])
    assert said(scan, "at the detector (ImagerPixelSpacing): its PixelSpacing") is remark
    with pytest.raises(InputError, match="no pixel spacing in the header but that of the det"):
        read_scan(save(alone, tmp_path / "alone"))


@pytest.mark.parametrize("letters", [["L", "P"], ["LA", "PF"], ["L"], None])
def test_letters_that_bear_out_the_orientation_change_nothing(tmp_path, letters):
    made = series_of(VALUES)
    for part in made:
        part.PatientOrientation = letters

    assert read_scan(save(made, tmp_path / "ct")).notes == ()


def test_an_orientation_rounded_to_two_digits_stays_at_right_angles(tmp_path):
    turn = np.radians(17)
    axes = np.array([np.cos(turn), np.sin(turn), 0, -np.sin(turn), np.cos(turn), 0])
    axes[1] += 0.004

    scan = read_scan(save(series_of(VALUES, axes=axes.round(3)), tmp_path / "ct"))

    turned = np.array(scan.volume.grid.direction).reshape(3, 3)
    assert turned.T @ turned == pytest.approx(np.eye(3), abs=1e-9)


@pytest.mark.parametrize(
    ("keyword", "value", "said_so"),
    [
        ("Modality", "MR", "images of different modalities"),
        ("RescaleType", "ED", "values that are not Hounsfield units"),
        ("RescaleSlope", 0, "a RescaleSlope of 0"),
    ],
)
def test_one_image_of_another_kind_is_not_passed_over(tmp_path, keyword, value, said_so):
    made = series_of(VALUES)
    setattr(made[9], keyword, value)

    with pytest.raises(InputError, match=said_so):
        read_scan(save(made, tmp_path / "ct"))


# ---- what is no plain CT


@pytest.mark.parametrize("modality", ["PX", "CR", "DX", "IO", "OT"])
def test_a_volume_of_another_modality_is_measured_where_it_is_asked_for(tmp_path, modality):
    folder = save(series_of(VALUES, Modality=modality), tmp_path / "ct")
    (found,) = find_series(folder)

    with pytest.raises(InputError, match=rf"{modality} images by their header: choose them with"):
        read_scan(folder)
    scan = read_scan(folder, series=found.key)

    assert (scan.volume.values_zyx == VALUES).all()
    assert said(scan, f"its header calls it {modality}, not CT: measured because --series")


def test_a_ct_is_chosen_before_another_modality(tmp_path):
    save(series_of(VALUES), tmp_path / "study" / "a")
    other = series_of(LONG, places(60, 1.0), Modality="PX", series=f"{ROOT}.7", SeriesNumber=7)
    save(other, tmp_path / "study" / "b")

    assert (read_scan(tmp_path / "study").volume.values_zyx == VALUES).all()
    assert (read_scan(tmp_path / "study", series="7").volume.values_zyx == LONG).all()


@pytest.mark.parametrize("attributes", [{"ImagePositionPatient": None}, {"axes": None}])
def test_a_picture_of_another_modality_is_no_volume(tmp_path, attributes):
    folder = save(series_of(VALUES, Modality="PX", **attributes), tmp_path / "ct")

    with pytest.raises(InputError, match="PX images, no CT"):
        read_scan(folder, series="3")


def test_an_mr_is_no_ct_whoever_asks(tmp_path):
    with pytest.raises(InputError, match="MR images, no CT"):
        read_scan(save(series_of(VALUES, Modality="MR"), tmp_path / "ct"), series="3")


# ---- damage and what is not damage


def study_of_five(folder):
    for number in range(5):
        made = series_of(VALUES, series=f"{ROOT}.{100 + number}", study=f"{ROOT}.{200 + number}")
        for part in made:
            part.PatientID, part.SeriesNumber = f"P{number}", number
        save(made, folder, [f"S{number}-{k:03}" for k in range(22)])
    return folder


def test_a_stump_of_no_known_series_leaves_the_others_usable(tmp_path):
    folder = study_of_five(tmp_path / "ct")
    stump = image(VALUES[3], (0, 0, 60), 9, series=f"{ROOT}.300")
    stump.save_as(folder / "Z", enforce_file_format=True)
    (folder / "Z").write_bytes((folder / "Z").read_bytes()[:400])

    found = find_series(folder)

    assert [series.why_not for series in found] == [None] * 5
    scan = read_scan(folder, series="2")
    assert (scan.volume.values_zyx == VALUES).all()
    assert said(scan, "1 damaged or unreadable file(s) (file 111 of 111 in order of their names)")


def test_a_damaged_slice_takes_only_its_own_series_with_it(tmp_path):
    folder = study_of_five(tmp_path / "ct")
    slice_ = folder / "S3-007"
    raw = slice_.read_bytes()
    slice_.write_bytes(raw[: raw.index(struct.pack("<2H", 0x0028, 0x0010))])

    found = {series.number: series.why_not for series in find_series(folder)}

    assert [found[n] for n in (0, 1, 2, 4)] == [None] * 4
    assert "1 damaged or unreadable file(s)" in found[3]
    assert "(file 74 of 110 in order of their names) among its slices" in found[3]


def test_a_transfer_syntax_without_a_decoder_is_named(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    for path in folder.iterdir():
        raw = path.read_bytes()
        path.write_bytes(raw.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0"))

    with pytest.raises(InputError, match=r"syntax 1\.2\.840\.113619\.5\.2, which is not decoded"):
        read_scan(folder)


def test_a_missing_series_uid_is_named(tmp_path):
    with pytest.raises(InputError, match="no SeriesInstanceUID in the header"):
        read_scan(save(series_of(VALUES, SeriesInstanceUID=None), tmp_path / "ct"))


def test_a_series_that_changes_after_it_was_found_is_refused(tmp_path, monkeypatch):
    folder = save(series_of(VALUES), tmp_path / "ct")
    real = os.open
    other = image(VALUES[0], (0, 0, 999), 5)
    touched: list[Path] = []

    def opened(path, *arguments):  # the bytes are hashed after the headers were read
        if not touched:
            touched.append(sorted(folder.iterdir())[4])
            other.save_as(touched[0], enforce_file_format=True)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", opened)

    with pytest.raises(InputError, match="it was changed after it was found"):
        read_scan(folder)


@pytest.mark.parametrize("packed", [False, True])
def test_a_series_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, packed):
    folder = save(series_of(VALUES), tmp_path / "ct")
    path = folder
    if packed:
        path = Path(shutil.make_archive(str(tmp_path / "study"), "zip", folder))
    changed = path if packed else sorted(folder.iterdir())[0]
    status = changed.stat()
    real = PixelReader.read

    def read(self, frame):
        image = real(self, frame)
        changed.write_bytes(changed.read_bytes())
        os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))  # as some programs do
        return image

    monkeypatch.setattr(PixelReader, "read", read)

    with pytest.raises(InputError, match=r"ct-\w+ was changed while it was read"):
        read_scan(path)


def test_a_series_knows_the_hash_of_its_files(tmp_path):
    folder = save(series_of(VALUES), tmp_path / "ct")
    digests = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir())

    sha256 = read_scan(folder).sha256

    assert sha256 == hashlib.sha256("\n".join(digests).encode()).hexdigest()
