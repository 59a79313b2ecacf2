from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import NoCondyleError
from negvol_cli.io.mesh_files import world_mesh
from negvol_cli.settings import ClipSettings, ClipShape, Settings
from negvol_cli.structures import Label
from tests.steps.made_joints import LEFT, RIGHT, ball, frame_points, measured, socket, soft
from tests.steps.solids import ball_mm3, cap_mm3

NOTHING = np.zeros(LEFT.local_grid.shape_zyx, dtype=np.float32)
CENTRE = (1.1, -0.37, 2.13)


@pytest.fixture(scope="module")
def ball_in_socket(backend):
    return measured(ball(5.0, CENTRE), socket(8.0, 10.0, CENTRE), backend)


def test_a_ball_in_a_socket_comes_out_with_the_figures_of_the_formula(ball_in_socket):
    above = (ball_mm3(8) - ball_mm3(5)) / 2
    below = (ball_mm3(15) - ball_mm3(5)) / 2

    assert ball_in_socket.nv_mm3 == pytest.approx(above + below, rel=0.01)
    assert ball_in_socket.nv_voxel_mm3 == pytest.approx(above + below, rel=0.02)
    assert ball_in_socket.articular_nv_mm3 == pytest.approx(above, rel=0.03)
    assert ball_in_socket.head_volume_mm3 == pytest.approx(ball_mm3(5), rel=0.02)
    assert ball_in_socket.head_centre_mm == pytest.approx(CENTRE, abs=0.1)
    assert ball_in_socket.apex_mm[2] == pytest.approx(CENTRE[2] + 5.0, abs=0.1)
    assert ball_in_socket.watertight
    assert len(ball_in_socket.flags) == 1  # a ball has no ramus
    assert "too little of the ramus" in ball_in_socket.flags[0]
    assert ball_in_socket.unseen_fraction == 0.0


def test_its_joint_space_is_the_width_of_the_gap_all_around(ball_in_socket):
    space = ball_in_socket.joint_space

    for part in ("superior", "anterior", "posterior", "medial", "lateral"):
        assert getattr(space, part) == pytest.approx(3.0, abs=0.1)
    assert space.narrowest == pytest.approx(3.0, abs=0.2)
    below = ball_in_socket.condyle.points_mm[:, 2] < CENTRE[2] - 1.0
    assert np.isnan(ball_in_socket.joint_space_mm[below]).all()


def test_joint_space_is_told_by_direction(backend):
    """The ball lies 1 mm lateral and 0.5 mm posterior of the socket's middle."""
    off = measured(ball(5.0, (1.0, 0.5, 0.0)), socket(8.0, 10.0), backend).joint_space

    assert off.lateral < off.superior < off.medial
    assert off.posterior < off.superior < off.anterior


def test_labels_of_the_frame_hold_all_three_parts(ball_in_socket):
    labels = ball_in_socket.labels_zyx

    assert labels.dtype == np.uint8
    counted = (labels == Label.NEGATIVE_VOLUME).sum() * LEFT.local_grid.voxel_mm3
    assert counted == pytest.approx(ball_in_socket.nv_voxel_mm3)
    assert (labels == Label.CONDYLE).sum() / 8 == pytest.approx(ball_mm3(5), rel=0.02)
    shell = (ball_mm3(10) - ball_mm3(8)) / 2
    assert (labels == Label.TEMPORAL_BONE).sum() / 8 == pytest.approx(shell, rel=0.02)


def test_a_joint_and_its_mirror_image_give_the_same_figures_to_the_last_bit(backend):
    """An uneven joint, stored in the world as it is and mirrored."""
    rng = np.random.default_rng([5, 1])
    lumps = [ball(4.0, tuple(rng.uniform(-4, 4, 3))) for _ in range(3)]
    condyle, bone = np.max(lumps, axis=0), socket(10.0, 12.0, (1.5, -1.0, -2.0))
    world = LEFT.mirror(condyle), LEFT.mirror(bone)
    mirrored = (np.ascontiguousarray(RIGHT.mirror(a[:, :, ::-1])) for a in world)

    left = measured(condyle, bone, backend)
    right = measured(*mirrored, backend, frame=RIGHT)

    for figure in ("nv_mm3", "nv_voxel_mm3", "articular_nv_mm3", "head_volume_mm3", "joint_space"):
        assert getattr(left, figure) == getattr(right, figure)
    flip = np.array([-1.0, 1.0, 1.0])
    ours, theirs = (world_mesh(g.inflated, g.frame) for g in (left, right))
    assert theirs.points_mm * flip == pytest.approx(ours.points_mm, abs=1e-9)
    assert theirs.volume_mm3 == pytest.approx(ours.volume_mm3, rel=1e-9)


def test_a_joint_without_temporal_bone_has_no_joint_space(backend):
    joint = measured(ball(5.0), NOTHING, backend)

    assert joint.temporal_bone.is_empty
    assert joint.nv_mm3 == pytest.approx(ball_mm3(15) - ball_mm3(5), rel=0.01)
    assert joint.articular_nv_mm3 == 0.0
    assert joint.joint_space.narrowest is None
    assert joint.joint_space.superior is None
    assert joint.watertight


def test_bone_on_bone_has_no_joint_space_left(backend):
    plate = soft(np.minimum(frame_points()[..., 2] - 4.0, 9.0 - frame_points()[..., 2]))

    joint = measured(ball(5.0), plate, backend)

    below = ball_mm3(15) - cap_mm3(15, 11) - (ball_mm3(5) - cap_mm3(5, 1))
    assert joint.nv_mm3 == pytest.approx(below, rel=0.01)
    assert joint.joint_space.narrowest == pytest.approx(0.0, abs=0.02)
    assert joint.joint_space.superior == pytest.approx(0.0, abs=0.1)


def test_the_cube_of_the_paper_is_larger_than_the_sphere(backend):
    settings = Settings(clip=ClipSettings(shape=ClipShape.CUBE))

    joint = measured(ball(5.0), NOTHING, backend, settings=settings)

    assert joint.nv_mm3 == pytest.approx(30.0**3 - ball_mm3(5), rel=0.01)


def test_specks_of_false_bone_do_not_count(backend):
    """A ball of 14 mm³ in the open space, which would shade what lies behind it."""
    speck = ball(1.5, (0.0, 0.0, -9.0))

    without, with_speck = (measured(ball(5.0), bone, backend) for bone in (NOTHING, speck))

    assert with_speck.nv_mm3 == without.nv_mm3


def test_marrow_inside_the_condyle_is_not_inflated_into(backend):
    solid, hollow = ball(6.0), ball(6.0) - ball(3.0)

    one, two = (measured(condyle, NOTHING, backend) for condyle in (solid, hollow))

    assert two.nv_mm3 == pytest.approx(one.nv_mm3, rel=1e-6)
    assert two.head_volume_mm3 == pytest.approx(one.head_volume_mm3, rel=1e-6)


def test_without_a_centre_the_joint_is_found_at_the_condylar_process(backend):
    """Two round posts on a ramus: the front one, a coronoid, stands higher."""
    x, y, z = np.moveaxis(frame_points(), -1, 0)
    front, back = (
        4.0 - np.hypot(np.hypot(x - 1.0, y - at), np.maximum(z - top + 4.0, 0.0))
        for at, top in ((-14.0, 14.0), (10.0, 3.0))
    )
    ramus = np.minimum(np.minimum(3.0 - np.abs(x - 1.0), 13.0 - np.abs(y + 2.0)), -12.0 - z)

    joint = measured(
        soft(np.maximum.reduce([front, back, ramus])), NOTHING, backend, centre_mm=None
    )

    up = np.array(joint.axis.up)
    assert np.degrees(np.arccos(up[2])) < 30.0  # leaning away from the ramus, which lies in front
    assert joint.apex_mm == pytest.approx((1.0, 10.0, -1.0) + 4.0 * up, abs=0.4)
    # the base is tilted with the axis: 6 mm along it below the middle of the round top
    cap, post = ball_mm3(4.0) / 2, np.pi * 16 * 6 / up[2]
    below = (cap * 0.5 + post * (-1.0 - 3.0 / up[2])) / (cap + post)
    assert joint.head_volume_mm3 == pytest.approx(cap + post, rel=0.02)
    assert joint.head_centre_mm == pytest.approx((1.0, 10.0, below), abs=0.3)


def test_a_clip_beyond_the_recorded_scan_is_told(backend):
    recorded = frame_points()[..., 2] > -5.0

    joint = measured(ball(5.0), NOTHING, backend, recorded=recorded)

    assert joint.unseen_fraction == pytest.approx(cap_mm3(15, 10) / ball_mm3(15), abs=0.01)


def test_a_disagreement_of_mesh_and_voxels_is_flagged(backend):
    """A sieve as fine as the voxels is more than a surface through them can follow."""
    z = frame_points()[..., 2]
    _, j, i = np.indices(z.shape)
    pillars = ((i + j) % 2 == 0) & (np.abs(z - 7.0) < 0.6)
    rafters = ((i + j) % 4 < 2) & (np.abs(z - 7.75) < 0.1)

    joint = measured(ball(5.0), (pillars | rafters).astype(np.float32), backend)

    assert abs(joint.nv_mm3 / joint.nv_voxel_mm3 - 1) > 0.02
    apart = 1 - min(joint.nv_mm3, joint.nv_voxel_mm3) / max(joint.nv_mm3, joint.nv_voxel_mm3)
    assert joint.flags[0] == f"NV by mesh and by voxels differ by {apart:.1%}"


def test_a_joint_without_a_condyle_is_refused(backend):
    with pytest.raises(NoCondyleError, match="check the scan's field of view"):
        measured(NOTHING, socket(8.0, 10.0), backend)
