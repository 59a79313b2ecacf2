from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.repeated_slices import repeated_slices
from tests.io.made_scans import ct_values

SHAPE = (40, 44, 48)
NOISE = np.random.default_rng(1).normal(0.0, 5.0, SHAPE)
CT = (ct_values(SHAPE) + NOISE).round().astype(np.int16)
PLANES = ("axial", "coronal", "sagittal")


def volume(values_zyx: np.ndarray) -> Volume:
    z, y, x = values_zyx.shape
    return Volume(values_zyx, Grid((x, y, z), (0.5, 1.0, 1.5), (0.0, 0.0, 0.0)))


def along(axis: int, numbers: list[int]) -> Volume:
    """The CT with its slices across ``axis`` in another order, some twice."""
    return volume(np.take(CT, numbers, axis=axis))


def test_no_slice_of_a_scan_equals_another():
    assert repeated_slices(volume(CT), "head.nii") == ()


@pytest.mark.parametrize("axis", range(3))
def test_a_part_that_was_stacked_twice_is_refused(axis: int):
    numbers = [*range(22), *range(20, SHAPE[axis])]
    apart = 2 * (1.5, 1.0, 0.5)[axis]
    said = rf"two {PLANES[axis]} slices of head\.nii, {apart} mm apart, are the same.*stacked twice"

    with pytest.raises(InputError, match=said):
        check_ct(along(axis, numbers), "head.nii")


@pytest.mark.parametrize("axis", range(3))
def test_copies_of_neighbours_are_flagged(axis: int):
    numbers = [*range(20), 20, 20, 20, *range(21, SHAPE[axis])]
    count = len(numbers)

    assert check_ct(along(axis, numbers)) == (
        f"2 of {count} {PLANES[axis]} slices are copies of their neighbours: figures are rough",
    )


def test_a_single_copy_in_place_of_a_lost_slice_is_let_pass():
    assert repeated_slices(along(0, [*range(20), 19, *range(21, 40)]), "head.nii") == ()


def test_a_whole_head_that_is_there_twice_is_left_to_its_joints():
    twice = Volume(np.concatenate([CT, CT]), Grid((48, 44, 80), (2.0, 2.0, 2.1), (0.0, 0.0, 0.0)))

    assert repeated_slices(twice, "head.nii") == ()


def test_a_volume_filled_up_at_its_ends_is_good():
    numbers = [0, 0, 0, *range(1, 39), 39, 39]

    assert repeated_slices(along(0, numbers), "head.nii") == ()


def test_padding_and_air_at_its_floor_may_repeat():
    padded = CT.copy()
    padded[[3, 7, 20, 30]] = -1024
    padded[:, :5] = np.maximum(padded[:, :5], -900).clip(max=-900)

    assert repeated_slices(volume(padded), "head.nii") == ()
