"""The truth's own method, on solids whose measures follow from school geometry."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.phantom import draw_head
from negvol_cli.phantom import truth as method
from negvol_cli.settings import ClipSettings, ClipShape
from negvol_cli.structures import Side

CENTRE = (10.0, -20.0, 30.0)
SPHERE_CLIP = ClipSettings()
BALL_MM = 5.0


def measure(condyle, temporal_bone, centre, side, clip):
    return method.measure(condyle, temporal_bone, centre, side, clip, step_mm=0.6)


def ball(radius_mm, centre=CENTRE):
    return lambda points: np.linalg.norm(points - centre, axis=1) - radius_mm


def socket(inner_mm, outer_mm):
    def distance(points):
        far = np.linalg.norm(points - CENTRE, axis=1)
        return np.maximum(inner_mm - far, far - outer_mm)

    return distance


def upper_half_of(solid):
    return lambda points: np.maximum(solid(points), CENTRE[2] - points[:, 2])


def nothing(points):
    return np.full(len(points), 50.0)


def ball_mm3(radius_mm):
    return 4 / 3 * np.pi * radius_mm**3


@pytest.mark.parametrize("inner_mm", [6.0, 8.0, 12.5])
def test_a_ball_in_a_round_socket_has_the_space_between_the_two(inner_mm):
    truth = measure(ball(BALL_MM), socket(inner_mm, inner_mm + 1.0), CENTRE, Side.LEFT, SPHERE_CLIP)

    gap = inner_mm - BALL_MM
    assert truth.head_volume_mm3 == pytest.approx(ball_mm3(BALL_MM), rel=0.005)
    assert truth.nv_mm3 == pytest.approx(ball_mm3(inner_mm) - ball_mm3(BALL_MM), rel=0.006)
    assert truth.articular_nv_mm3 == pytest.approx(truth.nv_mm3, rel=1e-6)
    assert truth.head_centre_mm == pytest.approx(CENTRE, abs=0.01)
    assert truth.apex_mm == pytest.approx((10.0, -20.0, 35.0), abs=0.02)
    space = truth.joint_space_mm
    for length in (
        space.narrowest,
        space.superior,
        space.anterior,
        space.posterior,
        space.medial,
        space.lateral,
    ):
        assert length == pytest.approx(gap, abs=0.02)


def test_under_half_a_socket_the_open_half_is_filled_up_to_the_clip():
    truth = measure(
        ball(BALL_MM), upper_half_of(socket(8.0, 10.0)), CENTRE, Side.RIGHT, SPHERE_CLIP
    )

    above, below = (ball_mm3(r) / 2 - ball_mm3(BALL_MM) / 2 for r in (8.0, 15.0))
    assert truth.articular_nv_mm3 == pytest.approx(above, rel=0.01)
    assert truth.nv_mm3 == pytest.approx(above + below, rel=0.005)
    assert truth.joint_space_mm.superior == pytest.approx(3.0, abs=0.02)


@pytest.mark.parametrize(
    ("shape", "clip_mm3"), [(ClipShape.CUBE, 30.0**3), (ClipShape.SPHERE, ball_mm3(15.0))]
)
def test_without_bone_the_whole_clip_is_filled_and_no_joint_space_is_known(shape, clip_mm3):
    truth = measure(ball(BALL_MM), nothing, CENTRE, Side.LEFT, ClipSettings(shape=shape))

    assert truth.nv_mm3 == pytest.approx(clip_mm3 - ball_mm3(BALL_MM), rel=0.003)
    assert truth.articular_nv_mm3 == 0
    assert truth.joint_space_mm.narrowest is None
    assert truth.joint_space_mm.superior is None


@pytest.mark.parametrize("up", [(0.3, 0.1, 1.0), (1.0, 0.0, 0.0)])
def test_axes_with_another_up_are_at_right_angles_and_near_the_scans(up):
    turn = method.upright(up)

    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    np.testing.assert_allclose(turn @ up, [0, 0, np.linalg.norm(up)], atol=1e-12)
    np.testing.assert_allclose(method.upright((0.0, 0.0, 2.0)), np.eye(3), atol=1e-12)
    with pytest.raises(ValueError, match="along y"):
        method.upright((0.0, 1.0, 0.0))


def test_the_roof_is_as_thick_as_the_shell_and_the_narrowest_space_is_the_gap():
    truth = measure(ball(BALL_MM), socket(8.0, 8.4), CENTRE, Side.LEFT, SPHERE_CLIP)

    assert truth.roof_mm == pytest.approx(0.4, abs=0.03)
    assert truth.joint_space_mm.narrowest == pytest.approx(3.0, abs=0.02)
    bare = measure(ball(BALL_MM), nothing, CENTRE, Side.LEFT, SPHERE_CLIP)
    assert (bare.roof_mm, bare.joint_space_mm.narrowest) == (None, None)


def test_points_beside_a_balls_surface_lie_as_far_from_it_as_they_were_moved():
    way = np.random.default_rng(0).normal(size=(50, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    moved = np.linspace(-1.0, 1.0, 50)

    found = method.offsets(ball(BALL_MM), CENTRE + (BALL_MM + moved)[:, None] * way)

    np.testing.assert_allclose(found, moved, atol=0.005)


def test_a_thin_roof_shades_all_that_is_behind_it():
    thin = measure(ball(BALL_MM), socket(8.0, 8.2), CENTRE, Side.LEFT, SPHERE_CLIP)

    assert thin.nv_mm3 == pytest.approx(ball_mm3(8.0) - ball_mm3(BALL_MM), rel=0.006)


def test_a_normal_that_meets_another_part_of_the_mandible_first_does_not_end_on_bone():
    def wall(points):
        return np.maximum(points[:, 1] + 32.0, -points[:, 1] - 34.0)

    def with_a_process_at(y):
        return lambda points: np.minimum(ball(BALL_MM)(points), ball(1.5, (10.0, y, 30.0))(points))

    free, before, behind = (
        measure(solid, wall, CENTRE, Side.LEFT, SPHERE_CLIP)
        for solid in (ball(BALL_MM), with_a_process_at(-28.0), with_a_process_at(-12.0))
    )

    seen = 1 - 12 / 15  # of the unit sphere's height: the wall, 12 mm off, is met in the clip
    fifth = 12 / (1 - 0.05 * seen) - BALL_MM
    assert free.joint_space_mm.narrowest == pytest.approx(fifth, abs=0.05)
    assert behind.joint_space_mm.narrowest == pytest.approx(fifth, abs=0.05)
    assert before.joint_space_mm.narrowest is None
    assert before.head_volume_mm3 == pytest.approx(free.head_volume_mm3, rel=1e-3)


def test_medial_and_lateral_follow_the_side():
    def plate(points):  # 2 mm from the ball, on the patient's left
        return np.maximum(17.0 - points[:, 0], points[:, 0] - 19.0)

    left, right = (
        measure(ball(BALL_MM), plate, CENTRE, side, SPHERE_CLIP).joint_space_mm
        for side in (Side.LEFT, Side.RIGHT)
    )

    assert left.narrowest == pytest.approx(7 / (1 - 0.05 * (1 - 7 / 15)) - BALL_MM, abs=0.05)
    assert left.lateral is not None
    assert left.medial is None
    assert (right.medial, right.lateral) == (left.lateral, left.medial)


def test_where_there_is_no_condyle_there_is_no_truth():
    with pytest.raises(ValueError, match="no condyle"):
        measure(nothing, nothing, CENTRE, Side.LEFT, SPHERE_CLIP)
    with pytest.raises(ValueError, match="no left condyle"):
        draw_head(1, joints=[Side.RIGHT]).truth(Side.LEFT)


def test_a_heads_truth_stays_when_it_is_counted_more_finely(head):
    coarse, fine = (head.truth(Side.LEFT, step_mm=step) for step in (0.6, 0.4))

    assert coarse.nv_mm3 == pytest.approx(fine.nv_mm3, rel=0.005)
    assert coarse.articular_nv_mm3 == pytest.approx(fine.articular_nv_mm3, rel=0.02)
    assert coarse.head_volume_mm3 == pytest.approx(fine.head_volume_mm3, rel=0.01)
    assert coarse.joint_space_mm.superior == pytest.approx(fine.joint_space_mm.superior, abs=0.05)


def test_the_side_that_was_given_more_space_has_more():
    head = draw_head(9, right_space_mm=1.4, left_space_mm=3.4, open_mm=0.0)
    right, left = (head.truth(side, step_mm=0.6) for side in (Side.RIGHT, Side.LEFT))

    assert right.joint_space_mm.superior == pytest.approx(1.4, rel=0.25)
    assert left.joint_space_mm.superior == pytest.approx(3.4, rel=0.25)
    assert left.articular_nv_mm3 > 1.3 * right.articular_nv_mm3
