from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import read_scan
from tests.io.made_scans import ct_values, write

CT = ct_values((40, 44, 48)).astype(np.float32)


def volume(values: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    z, y, x = values.shape
    return Volume(values, Grid((x, y, z), spacing, (0.0, 0.0, 0.0)))


def with_value(value: float) -> np.ndarray:
    values = CT.copy()
    values[3, 4, 5] = value
    return values


def as_mr() -> np.ndarray:
    """Dark air and bone, bright soft tissue, nothing negative."""
    air, bone = CT < -500, CT > 500
    return np.where(air, 8, np.where(bone, 60, 420)) + np.abs(CT % 30)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (with_value(np.nan), "not numbers"),
        (with_value(np.inf), "not numbers"),
        (with_value(-np.inf), "not numbers"),
        (np.zeros_like(CT), "every voxel is 0"),
        (np.full_like(CT, -1024), "every voxel is -1024"),
        ((CT + 1024) / 4095, "scaled as for a network"),
        (np.clip(CT / 1000, -1, 1), "scaled as for a network"),
        (as_mr(), "no air"),
        (
            (CT > 300).astype(np.uint8),
            "a few whole numbers from 0 to 1 and no air, like labels .*negvol measure",
        ),
        (
            2.0 * (CT > 300) + 5.0 * (CT < 0),
            "a few whole numbers from 0 to 5 and no air, like labels",
        ),
        ((CT + 1024) / 40, r"values from .* and no air \(about -1000 HU\)"),
        (np.clip((CT + 1000) / 12, 0, 255).astype(np.uint8), "no air, like labels or a picture"),
        (np.clip((CT + 160) / 1.6, 0, 255).astype(np.uint8), "no air, a picture of 8 bits"),
        (np.maximum(CT, -160), "cut off at -160 HU .* no air"),
        ((CT + 1024).clip(0).astype(np.uint16), r"HU \+ 1024"),
        ((CT + 1024).astype(np.int16), r"HU \+ 1024"),
        (np.minimum(CT, 60), "no bone"),
    ],
)
def test_what_is_no_ct_is_refused_with_the_reason(values, said):
    with pytest.raises(InputError, match=f"^head.nii contains .*{said}|^head.nii .*{said}"):
        check_ct(volume(values), "head.nii")


@pytest.mark.parametrize(
    "values",
    [
        CT,
        CT.astype(np.int16),
        CT * 0.6 + 100,  # cone-beam: air about -500
        CT * 1.5,
        CT * 0.9 - 150,
        np.where(CT < -990, -3024, CT),
        np.where(CT < -900, -2000, CT).clip(-2000) + 60 * (CT > 800),
        np.clip(CT, -1000, None),
        with_value(21575),
    ],
)
def test_whatever_is_a_ct_passes_without_a_flag(values):
    if (values == -2000).any():
        values = values.copy()
        values[20:24, 20:24, 10:30] = -990  # the airway of a scan that is padded up to the skin
    assert check_ct(volume(values)) == ()


@pytest.mark.parametrize(
    ("spacing", "flags"),
    [
        ((0.5, 0.5, 2.0), ()),
        ((0.4883, 2.04, 0.4883), ()),
        (
            (4.0, 4.0, 2.5),
            ("voxels of 4.0 x 4.0 x 2.5 mm are coarser than 2 mm: too coarse to measure",),
        ),
        (
            (1.0, 1.0, 3.0),
            ("voxels of 1.0 x 1.0 x 3.0 mm are coarser than 2 mm: figures are rough",),
        ),
    ],
)
def test_coarse_voxels_are_flagged_in_words(spacing, flags):
    assert check_ct(volume(CT, spacing)) == flags


@pytest.fixture(scope="module")
def many_intensities():
    """Bone of every intensity from 250 to 1900 HU, as in a real head."""
    values = CT.astype(np.float32)
    values[10:30, 10:24, 10:30] = np.random.default_rng(3).uniform(250, 1900, (20, 14, 20))
    return values


def test_bone_that_was_cut_off_is_flagged_and_below_its_own_brightness_refused(many_intensities):
    assert check_ct(volume(many_intensities)) == ()
    for top in (1200, 1650):
        (flag,) = check_ct(volume(np.minimum(many_intensities, top)))
        assert flag == (
            f"bone was cut off at {top} HU when the scan was exported: figures are rough"
        )
    with pytest.raises(InputError, match="was cut off at 300 HU when it was exported"):
        check_ct(volume(np.minimum(many_intensities, 300)), "head.nii")


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_value_that_is_no_number_is_found_in_every_format(tmp_path, ending):
    values = with_value(np.nan)

    with pytest.raises(InputError, match="not numbers"):
        check_ct(read_scan(write(values, tmp_path / f"scan{ending}")).volume)


def test_every_real_head_passes_and_only_the_coarse_one_is_flagged(shared_data: Path):
    flags = {
        path.parent.name: check_ct(read_scan(path).volume)
        for path in sorted(shared_data.glob("tmj/*/ct.nii.gz"))
    }

    assert len(flags) == 8
    assert [case for case, said in flags.items() if said] == ["planning-3mm"]


def test_every_planning_scan_passes_with_a_flag(shared_data: Path):
    paths = sorted(shared_data.glob("headneck/*.nii.gz"))

    assert len(paths) == 100
    for path in paths:
        (flag,) = check_ct(read_scan(path).volume)
        assert "coarser than 2 mm" in flag
