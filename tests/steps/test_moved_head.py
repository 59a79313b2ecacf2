"""A head that moved between two slices is told from one that lay still, near its condyles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.steps.moved_head import STEP_MM, greatest_step, moved_head_flags
from negvol_cli.steps.slices_about import slices_about

SHAPE = (60, 140, 320)
VOXEL_MM = (0.5, 0.5, 1.0)
CENTRES = [(-45.0, 0.0, 0.0), (45.0, 0.0, 1.0)]


@pytest.fixture(scope="module")
def anatomy() -> np.ndarray:
    """HU [z, y, x] that change over some 4 mm, as bone and muscle about the joints do."""
    noise = np.random.default_rng(1).normal(size=SHAPE)
    smooth = ndimage.gaussian_filter(noise, (2.0, 5.0, 5.0))
    return 300 + 400 * smooth / smooth.std()


def stack(values_zyx: np.ndarray, voxel_mm: tuple[float, float, float] = VOXEL_MM) -> Volume:
    """A scan whose middle is the origin."""
    size = values_zyx.shape[::-1]
    low = tuple(-(n - 1) / 2 * mm for n, mm in zip(size, voxel_mm, strict=True))
    return Volume(values_zyx.astype(np.int16), Grid(size, voxel_mm, low))


def moved(anatomy: np.ndarray, x_mm: float, y_mm: float, first: int = 36) -> np.ndarray:
    """The same from slice ``first`` on, shifted; slice 36 lies 6.5 mm over the right condyle."""
    shift = (0.0, y_mm / VOXEL_MM[1], x_mm / VOXEL_MM[0])
    above = ndimage.shift(anatomy[first:], shift, order=1, mode="nearest")
    return np.concatenate([anatomy[:first], above])


def test_a_head_that_lay_still_shows_no_step(anatomy):
    step = greatest_step(slices_about(stack(anatomy), CENTRES))

    assert step is not None
    assert step.by_mm < 0.7 * STEP_MM
    assert moved_head_flags(slices_about(stack(anatomy), CENTRES)) == ()


@pytest.mark.parametrize(("x_mm", "y_mm"), [(2.0, 0.0), (0.0, -2.0), (1.5, 1.5)])
def test_a_step_is_said_with_its_size_and_place(anatomy, x_mm, y_mm):
    broken = stack(moved(anatomy, x_mm, y_mm))

    step = greatest_step(slices_about(broken, CENTRES))

    assert step is not None
    assert step.by_mm == pytest.approx(np.hypot(x_mm, y_mm), rel=0.35)
    assert step.above_mm == pytest.approx(5.0, abs=1.01)
    (flag,) = moved_head_flags(slices_about(broken, CENTRES))
    assert flag.startswith(f"the head seems to have moved by {step.by_mm:.1f} mm between two")
    assert " mm above the condyles" in flag


def test_a_step_far_from_the_condyles_does_not_matter(anatomy):
    high = [(x, y, z + 26.0) for x, y, z in CENTRES]

    assert moved_head_flags(slices_about(stack(moved(anatomy, 3.0, 0.0, first=14)), high)) == ()


def test_a_slow_drift_is_no_step(anatomy):
    drifting = np.stack(
        [
            ndimage.shift(one, (0.0, 0.4 * n / VOXEL_MM[0]), order=1, mode="wrap")
            for n, one in enumerate(anatomy)
        ]
    )

    assert moved_head_flags(slices_about(stack(drifting), CENTRES)) == ()


def test_in_coarse_voxels_only_a_larger_step_is_said(anatomy):
    coarse = (0.5, 0.5, 5.0)
    high = [(x, y, 5 * z) for x, y, z in CENTRES]

    assert (
        moved_head_flags(slices_about(stack(moved(anatomy, 1.5, 0.0, first=31), coarse), high))
        == ()
    )
    assert moved_head_flags(slices_about(stack(moved(anatomy, 4.0, 0.0, first=31), coarse), high))


def test_the_end_of_what_was_scanned_is_no_step(anatomy):
    padded = anatomy.copy()
    padded[44:] = -1000.0

    assert moved_head_flags(slices_about(stack(padded), CENTRES)) == ()


def test_noise_alone_is_no_step():
    noise = np.random.default_rng(2).normal(40.0, 200.0, SHAPE)

    assert moved_head_flags(slices_about(stack(noise), CENTRES)) == ()


@pytest.mark.parametrize("slices", [1, 2, 7])
def test_a_stack_of_few_slices_says_nothing(anatomy, slices):
    assert moved_head_flags(slices_about(stack(anatomy[:slices]), CENTRES)) == ()


def test_without_a_joint_there_is_nothing_to_look_about(anatomy):
    assert moved_head_flags(slices_about(stack(moved(anatomy, 3.0, 0.0)), [])) == ()


def test_a_joint_outside_the_scan_is_no_error(anatomy):
    assert moved_head_flags(slices_about(stack(anatomy), [(400.0, 0.0, 0.0)])) == ()
