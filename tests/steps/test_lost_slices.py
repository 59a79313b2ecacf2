"""Gaps in a stack of slices are said where they matter, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.steps.lost_slices import ABRUPT, greatest_jump, lost_slice_flags
from negvol_cli.steps.slices_about import slices_about

SLICES, SLICE_MM = 60, 1.0
SHAPE = (SLICES, 70, 160)
CENTRES = [(-45.0, 0.0, 0.0), (45.0, 0.0, 1.0)]


@pytest.fixture(scope="module")
def anatomy() -> np.ndarray:
    """HU [z, y, x] that change over some 4 mm, as bone and muscle about the joints do."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=SHAPE), 2.0)
    return 300 + 400 * smooth / smooth.std()


def stack(values_zyx: np.ndarray) -> Volume:
    """A scan of 1 mm voxels whose middle of before any loss is the origin."""
    z, y, x = values_zyx.shape
    low = tuple(-(n - 1) / 2 for n in (SHAPE[2], SHAPE[1], SLICES))
    return Volume(values_zyx.astype(np.int16), Grid((x, y, z), (1.0, 1.0, SLICE_MM), low))


def test_a_whole_stack_has_no_gap(anatomy):
    jump = greatest_jump(slices_about(stack(anatomy), CENTRES))

    assert jump is not None
    assert jump.times < ABRUPT - 0.1
    assert lost_slice_flags(slices_about(stack(anatomy), CENTRES)) == ()


@pytest.mark.parametrize("lost", [2, 4])
@pytest.mark.parametrize(("first", "said"), [(22, "8 mm below"), (36, "5 mm above")])
def test_a_gap_near_the_condyles_is_said_and_where_it_is(anatomy, lost, first, said):
    broken = stack(np.delete(anatomy, np.s_[first : first + lost], axis=0))

    (flag,) = lost_slice_flags(slices_about(broken, CENTRES))

    assert flag.startswith(f"slices seem to be missing {said} the condyles")


def test_a_gap_far_from_the_condyles_does_not_matter(anatomy):
    high = [(x, y, z + 26.0) for x, y, z in CENTRES]

    assert (
        lost_slice_flags(slices_about(stack(np.delete(anatomy, np.s_[14:18], axis=0)), high)) == ()
    )


def test_the_end_of_what_was_scanned_is_no_gap(anatomy):
    padded = anatomy.copy()
    padded[44:] = -1000.0

    assert lost_slice_flags(slices_about(stack(padded), CENTRES)) == ()


def test_noise_alone_is_no_gap():
    noise = np.random.default_rng(2).normal(40.0, 200.0, SHAPE)

    assert lost_slice_flags(slices_about(stack(noise), CENTRES)) == ()


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_a_stack_of_few_slices_says_nothing(anatomy, slices):
    assert lost_slice_flags(slices_about(stack(anatomy[:slices]), CENTRES)) == ()


def test_without_a_joint_there_is_nothing_to_look_about(anatomy):
    assert lost_slice_flags(slices_about(stack(np.delete(anatomy, np.s_[30:33], axis=0)), [])) == ()


def test_a_joint_outside_the_scan_is_no_error(anatomy):
    assert lost_slice_flags(slices_about(stack(anatomy), [(400.0, 0.0, 0.0)])) == ()
