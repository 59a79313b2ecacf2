"""Which images of one series UID make one volume."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.io.dicom import find_series
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    ROOT,
    ct_values,
    image,
    places,
    said,
    save,
    series_of,
)

VALUES = ct_values()
LONG = ct_values((60, 24, 26))


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
