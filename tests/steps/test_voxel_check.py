from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.steps.voxel_check import count_voxels, unseen_fraction
from negvol_cli.structures import Label
from tests.steps.made_joints import LEFT, ball, frame_points, socket, soft
from tests.steps.solids import ball_clip, ball_mm3, cap_mm3, cube_clip

GRID = LEFT.local_grid
NOTHING = np.zeros(GRID.shape_zyx, dtype=np.float32)


@pytest.mark.parametrize("clip", [ball_clip(), cube_clip()])
def test_without_bone_every_voxel_of_the_clip_beside_the_condyle_counts(clip):
    count = count_voxels(ball(5.0), NOTHING, GRID, clip)

    whole = ball_mm3(15) if clip == ball_clip() else 30.0**3
    assert count.nv_mm3 == pytest.approx(whole - ball_mm3(5), rel=0.005)


def test_a_ball_in_a_hemispherical_socket():
    count = count_voxels(ball(5.0), socket(8.0, 10.0), GRID, ball_clip())

    expected = (ball_mm3(8) - ball_mm3(5)) / 2 + (ball_mm3(15) - ball_mm3(5)) / 2
    assert count.nv_mm3 == pytest.approx(expected, rel=0.015)


def test_nothing_leaks_through_a_roof_of_one_voxel():
    z = frame_points()[..., 2]
    roof = (np.abs(z - 7.25) < 0.1).astype(np.float32)

    count = count_voxels(ball(5.0), roof, GRID, ball_clip())

    assert roof.sum() == 128 * 128
    assert not (count.labels_zyx[z > 7.5] == Label.NEGATIVE_VOLUME).any()
    below = ball_mm3(15) - cap_mm3(15, 8.0) - ball_mm3(5)
    assert count.nv_mm3 == pytest.approx(below, rel=0.01)


def test_a_voxel_that_both_bones_claim_is_the_condyle():
    count = count_voxels(ball(5.0), ball(3.0), GRID, ball_clip())

    assert not (count.labels_zyx == Label.TEMPORAL_BONE).any()
    assert count.labels_zyx[64, 64, 64] == Label.CONDYLE


def test_labels_hold_both_bones_far_from_the_clip_too():
    condyle = np.maximum(ball(5.0), ball(4.0, (0.0, 0.0, -27.0)))
    bone = soft(frame_points()[..., 2] - 28.0)

    labels = count_voxels(condyle, bone, GRID, ball_clip()).labels_zyx

    assert labels.dtype == np.uint8
    assert np.array_equal(labels == Label.CONDYLE, condyle >= 0.5)
    assert np.array_equal(labels == Label.TEMPORAL_BONE, bone >= 0.5)


def test_the_nearest_condyle_may_lie_far_outside_the_clip():
    """Below the clip, behind a plate of bone that shades what is nearest to it from there."""
    condyle = np.maximum(ball(2.0, (0.0, 0.0, 12.0)), ball(3.5, (0.0, 0.0, -27.0)))
    z = frame_points()[..., 2]
    plate = (np.abs(z + 20.0) < 0.6).astype(np.float32)

    labels = count_voxels(condyle, plate, GRID, ball_clip()).labels_zyx

    x, y = frame_points()[..., 0], frame_points()[..., 1]
    axis = (np.hypot(x, y) < 1.0) & (z > -14.5) & (z < 9.5)
    lower = axis & (z < -7.5)  # the balls' surfaces are as near at z = -6.75
    assert lower.any()
    assert not (labels[lower] == Label.NEGATIVE_VOLUME).any()
    assert (labels[axis & (z > -6.0)] == Label.NEGATIVE_VOLUME).all()


def test_all_of_a_recorded_clip_is_seen():
    assert unseen_fraction(None, GRID, ball_clip()) == 0.0
    assert unseen_fraction(np.ones(GRID.shape_zyx, dtype=bool), GRID, ball_clip()) == 0.0


def test_half_of_a_clip_is_unseen_where_the_scan_ends_in_its_middle():
    recorded = frame_points()[..., 2] > 0

    assert unseen_fraction(recorded, GRID, ball_clip()) == pytest.approx(0.5, abs=0.001)


def test_what_lies_off_the_frame_is_unseen():
    """The clip's centre lies 5 mm within the frame's upper face."""
    clip = ball_clip((0.0, 0.0, 27.0))

    unseen = unseen_fraction(None, GRID, clip)

    assert unseen == pytest.approx(cap_mm3(15, 10) / ball_mm3(15), abs=0.01)
