"""What makes HU of stored values: slope, intercept and padding, as far as they are stated."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.dicom import find_series
from negvol_cli.io.image import read_scan
from tests.io.dicom.made_dicom import (
    CT,
    ROOT,
    ct_values,
    enhanced,
    image,
    places,
    said,
    save,
    series_of,
)

VALUES = ct_values()
LONG = ct_values((60, 24, 26))
CRANIOFACIAL = "1.2.840.10008.5.1.4.1.1.13.1.2"


def test_slope_and_intercept_are_applied_to_each_slice_by_its_own(tmp_path):
    made = [
        image(hu, place, n, intercept=-1024 - n, slope=0.5)
        for n, (hu, place) in enumerate(zip(VALUES, places(len(VALUES)), strict=True))
    ]

    assert (read_scan(save(made, tmp_path / "ct")).volume.values_zyx == VALUES).all()


# ---- what is not stated

NO_RESCALE = "no RescaleSlope and RescaleIntercept in the header"


def without_rescale(values):
    made = series_of(values, intercept=None)
    for part in made:
        assert "RescaleSlope" not in part
    return made


@pytest.mark.parametrize("offset", [0, 1024])
@pytest.mark.parametrize("sop_class", [CT, CRANIOFACIAL])
def test_a_series_without_a_rescale_is_refused_even_where_its_values_look_like_hu(
    tmp_path, sop_class, offset
):
    made = without_rescale(VALUES + offset)
    for part in made:
        part.SOPClassUID = sop_class
    folder = save(made, tmp_path / "ct")

    with pytest.raises(InputError, match=f"{NO_RESCALE}, .*: export it with them, or choose it"):
        read_scan(folder)
    (found,) = find_series(folder)
    assert found.only_asked
    assert not found.unusable


def test_a_rescale_without_values_or_with_its_type_alone_states_nothing(tmp_path):
    made = without_rescale(VALUES)
    for part in made:
        part.RescaleSlope = part.RescaleIntercept = None
        part.RescaleType = "HU"

    with pytest.raises(InputError, match=NO_RESCALE):
        read_scan(save(made, tmp_path / "ct"))


def test_a_multi_frame_file_without_a_rescale_in_any_group_is_refused(tmp_path):
    made = enhanced(VALUES, places(len(VALUES)))
    del made.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    with pytest.raises(InputError, match=NO_RESCALE):
        read_scan(tmp_path / "ct")


@pytest.mark.parametrize("own", [True, False])
def test_a_rescale_in_each_frames_group_or_at_the_top_of_the_file_counts(tmp_path, own):
    made = enhanced(VALUES, places(len(VALUES)))
    scale = made.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    del made.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    if own:
        for group in made.PerFrameFunctionalGroupsSequence:
            group.PixelValueTransformationSequence = scale
    else:
        made.RescaleIntercept, made.RescaleSlope = -1024, 1
    made.save_as(tmp_path / "ct", enforce_file_format=True)

    assert (read_scan(tmp_path / "ct").volume.values_zyx == VALUES).all()


def test_a_series_without_a_rescale_is_taken_as_stored_where_it_is_asked_for(tmp_path):
    scan = read_scan(save(without_rescale(VALUES), tmp_path / "ct"), series="3")

    assert (scan.volume.values_zyx == VALUES).all()
    assert scan.notes == (
        f"{NO_RESCALE}: its stored values were taken as HU because --series asks for it",
    )


def test_what_is_asked_for_without_a_rescale_is_still_checked_for_one(tmp_path):
    scan = read_scan(save(without_rescale(VALUES + 1024), tmp_path / "ct"), series="3")

    with pytest.raises(InputError, match="the rescale was not applied"):
        check_ct(scan.volume, scan.name)


def test_a_dental_series_without_a_rescale_says_both(tmp_path):
    made = without_rescale(VALUES)
    for part in made:
        part.Modality = "PX"
    folder = save(made, tmp_path / "ct")

    with pytest.raises(InputError, match=f"PX images by their header: .*; {NO_RESCALE}"):
        read_scan(folder)
    assert len(read_scan(folder, series="3").notes) == 2


def test_a_ct_is_chosen_before_one_without_a_rescale(tmp_path):
    save(series_of(VALUES), tmp_path / "study" / "a")
    other = series_of(LONG, places(60, 1.0), intercept=None, series=f"{ROOT}.7", SeriesNumber=7)
    save(other, tmp_path / "study" / "b")

    assert (read_scan(tmp_path / "study").volume.values_zyx == VALUES).all()


@pytest.mark.parametrize("frames", [1, 21])
def test_a_series_of_which_only_some_images_have_a_rescale_is_refused(tmp_path, frames):
    made = without_rescale(VALUES)
    for part in made[:frames]:
        part.RescaleIntercept, part.RescaleSlope = -1024, 1
    folder = save(made, tmp_path / "ct")

    for asked in (None, "3"):
        with pytest.raises(InputError, match=f"{NO_RESCALE} of some of its images"):
            read_scan(folder, series=asked)


@pytest.mark.parametrize(("stated", "missing"), [("Intercept", "Slope"), ("Slope", "Intercept")])
def test_half_a_rescale_is_refused_whoever_asks(tmp_path, stated, missing):
    made = without_rescale(VALUES)
    for part in made:
        setattr(part, f"Rescale{stated}", 1)

    with pytest.raises(InputError, match=f"a Rescale{stated} without a Rescale{missing}"):
        read_scan(save(made, tmp_path / "ct"), series="3")


# ---- padding


@pytest.mark.parametrize(("padding", "stored"), [(-3000, -3000), (62536, -3000), (32767, 32767)])
def test_padding_counts_as_not_scanned_whatever_its_value(tmp_path, padding, stored):
    made = series_of(VALUES)
    for part in made:
        pixels = np.frombuffer(part.PixelData, "<i2").reshape(part.Rows, part.Columns).copy()
        pixels[:, :5] = stored
        part.PixelData = pixels.tobytes()
        if padding > 32767:
            part.add_new("PixelPaddingValue", "US", padding)
        else:
            part.add_new("PixelPaddingValue", "SS", padding)
    expected = VALUES.copy()
    expected[:, :, :5] = -2000

    assert (read_scan(save(made, tmp_path / "ct")).volume.values_zyx == expected).all()


def test_padding_that_looks_like_air_leaves_the_air_as_it_is(tmp_path):
    made = series_of(VALUES)
    for part in made:
        part.add_new("PixelPaddingValue", "SS", 24)  # -1000 HU

    assert (read_scan(save(made, tmp_path / "ct")).volume.values_zyx == VALUES).all()


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
