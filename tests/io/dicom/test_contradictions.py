"""One file that says a thing twice, and images that are no plain CT."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import find_series
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    PIXEL_MM,
    ROOT,
    STEP_MM,
    ct_values,
    enhanced,
    item,
    places,
    said,
    save,
    series_of,
)

VALUES = ct_values()
LONG = ct_values((60, 24, 26))


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
