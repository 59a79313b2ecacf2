"""Intervals worked out by hand for a ball in a hemispherical socket."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.report import Uncertainty
from negvol_cli.steps.uncertainty import (
    BONES_ALIKE,
    HEAD_SHARE,
    JOINTS_ALIKE,
    NV_SHARE,
    ROOF_SHARE,
    SPACES_MM,
    TWO_SIDED_95,
    EdgeQuality,
    asymmetry_points,
    uncertainty,
)
from tests.steps.made_joints import ball, measured, socket

CLIP_MM = 15.0
NOTHING = EdgeQuality(common_mm=0.0, condyle_mm=0.0, bone_mm=0.0)


@pytest.fixture(scope="module")
def joint(backend):
    """A ball of 5 mm under a socket of 8 mm; the whole ball is condylar head."""
    return measured(ball(5.0), socket(8.0, 10.0), backend)


def common(sd_mm: float) -> EdgeQuality:
    return EdgeQuality(common_mm=sd_mm, condyle_mm=0.0, bone_mm=0.0)


def test_what_is_common_to_a_surface_changes_the_head_by_its_area(joint):
    found = uncertainty(joint, common(0.1), CLIP_MM).head_volume_mm3
    rest = HEAD_SHARE * joint.head_volume_mm3

    area = 4 * np.pi * 5**2
    assert found == pytest.approx(TWO_SIDED_95 * np.hypot(area * 0.1, rest), rel=0.05)


def test_nv_is_bounded_by_the_ball_and_by_the_socket(joint):
    found = uncertainty(joint, common(0.1), CLIP_MM).nv_mm3
    ball_mm2, socket_mm2 = 4 * np.pi * 5**2, 2 * np.pi * 8**2
    variance = ball_mm2**2 + socket_mm2**2 + 2 * BONES_ALIKE * ball_mm2 * socket_mm2
    expected = np.sqrt(variance * 0.1**2 + (NV_SHARE * joint.nv_mm3) ** 2)

    assert found == pytest.approx(TWO_SIDED_95 * expected, rel=0.1)


def test_local_errors_even_out_over_a_surface(joint):
    local = EdgeQuality(common_mm=0.0, condyle_mm=0.1, bone_mm=0.1)
    floor = uncertainty(joint, NOTHING, CLIP_MM)

    for name in ("head_volume_mm3", "nv_mm3"):
        least = getattr(floor, name)
        from_local, from_common = (
            np.sqrt(getattr(uncertainty(joint, quality, CLIP_MM), name) ** 2 - least**2)
            for quality in (local, common(0.1))
        )
        assert 0 < from_local < 0.5 * from_common


def test_a_joint_space_is_between_two_surfaces(joint):
    one, two = (uncertainty(joint, common(sd), CLIP_MM).joint_space_mm for sd in (0.2, 0.4))
    floor = uncertainty(joint, NOTHING, CLIP_MM).joint_space_mm

    expected = TWO_SIDED_95 * 0.2 * np.sqrt(2 * (1 + BONES_ALIKE))
    assert np.sqrt(one.superior**2 - floor.superior**2) == pytest.approx(expected)
    assert np.sqrt(two.superior**2 - floor.superior**2) == pytest.approx(2 * expected)


def test_a_space_whose_sector_has_two_walls_is_less_certain(joint):
    """Half of the upper sector ends 2 mm farther off: the median may be of either half."""
    beyond = joint.condyle.points_mm[:, 0] > joint.head_centre_mm[0]
    split = replace(joint, joint_space_mm=joint.joint_space_mm + 2.0 * beyond)
    even, uneven = (uncertainty(j, NOTHING, CLIP_MM).joint_space_mm for j in (joint, split))

    assert even.superior == pytest.approx(TWO_SIDED_95 * SPACES_MM["superior"], rel=0.05)
    assert uneven.superior == pytest.approx(
        TWO_SIDED_95 * np.hypot(SPACES_MM["superior"], 1.0), rel=0.1
    )
    assert uneven.lateral == pytest.approx(even.lateral, rel=0.05)


def test_a_direction_without_a_joint_space_has_no_interval(backend):
    open_joint = measured(ball(5.0), np.zeros_like(socket(8.0, 10.0)), backend)
    found = uncertainty(open_joint, common(0.1), CLIP_MM)

    assert open_joint.joint_space.superior is None
    assert found.joint_space_mm.superior is None
    assert found.joint_space_mm.narrowest is None
    assert found.nv_mm3 > 0


def test_the_asymmetry_of_joints_of_like_error_hardly_sees_what_both_share():
    alike = asymmetry_points((1000.0, 100.0), (1000.0, 100.0))
    one_sided = asymmetry_points((1000.0, 100.0), (1000.0, 0.0))

    assert one_sided == pytest.approx(5.0)  # L + 100 of 1000: (1100 - 1000) / 2100 = 4.8 %
    assert alike == pytest.approx(5.0 * np.sqrt(2 * (1 - JOINTS_ALIKE)))


def test_a_roof_that_was_not_seen_leaves_open_what_ends_on_it(joint):
    """The socket's articular surface faces the upper half of the ball: half of that is roof."""
    plain = uncertainty(joint, NOTHING, CLIP_MM)
    unseen = uncertainty(joint, replace(NOTHING, roof_mm=0.4), CLIP_MM)

    def more(figure: Callable[[Uncertainty], float | None]) -> float:
        return float(np.sqrt(np.square(figure(unseen)) - np.square(figure(plain)))) / TWO_SIDED_95

    assert more(lambda half: half.joint_space_mm.superior) == pytest.approx(0.4)
    assert more(lambda half: half.joint_space_mm.posterior) == 0.0
    assert more(lambda half: half.head_volume_mm3) == 0.0
    roof_mm2 = ROOF_SHARE * 2 * np.pi * 5**2
    for name in ("articular_nv_mm3", "nv_mm3"):
        assert more(lambda half, name=name: getattr(half, name)) == pytest.approx(
            roof_mm2 * 0.4, rel=0.1
        )
