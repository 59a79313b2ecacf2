"""Phantoms whose condyles were moved, turned and worn by known amounts, about the same cranium."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from negvol_cli.comparison.compared import compare_results
from negvol_cli.comparison.report import Outcome
from negvol_cli.comparison.stored import StoredResult
from negvol_cli.phantom import CondyleChange
from negvol_cli.structures import Side
from tests.comparison.made import head, result

TILT = {"turn": (9.0, -5.0, 12.0), "shift": (14.0, -8.0, 30.0)}
"""How another scanner has the head."""


@pytest.fixture(scope="module")
def before() -> StoredResult:
    return result()


@pytest.fixture(scope="module")
def unchanged(before: StoredResult):
    return compare_results(before, result(**TILT)).comparison


def truth(change: CondyleChange, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """What the change is in LPS as BEFORE has them: shift (3,) mm, rotation vector (3,) degrees."""
    pose = np.array(head().pose.turn).reshape(3, 3)
    to_head = np.diag([1.0 if side is Side.LEFT else -1.0, 1.0, 1.0])
    axes = pose @ to_head
    turn = Rotation.from_matrix(axes @ change.turn @ axes.T)
    return axes @ change.shift_mm, turn.as_rotvec(degrees=True)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "change",
    [
        CondyleChange(shift_mm=(0.0, 0.0, -0.5)),
        CondyleChange(shift_mm=(0.6, -0.6, -0.5), turn_degrees=(0.0, 2.0, 0.0)),
        CondyleChange(shift_mm=(0.0, -2.0, 0.0), turn_degrees=(0.0, 0.0, 5.0)),
        CondyleChange(shift_mm=(-1.0, -3.0, -2.4), turn_degrees=(3.0, -2.0, -3.0)),
        CondyleChange(turn_degrees=(5.0, 0.0, 0.0)),
    ],
    ids=lambda change: f"{change.shift_mm} {change.turn_degrees}",
)
def test_a_moved_condyle_is_found_where_it_was_put(before, side: Side, change: CondyleChange):
    after = result(changes={side: change}, sides=(side,), **TILT)
    joint = compare_results(before, after).comparison.joint(side)
    shift, turn = truth(change, side)

    assert joint.outcome is Outcome.COMPARED
    assert np.linalg.norm(np.subtract(joint.movement.shift_mm_xyz, shift)) < 0.2
    assert np.linalg.norm(np.subtract(joint.movement.turn_degrees_xyz, turn)) < 0.5
    assert joint.movement.moved == (np.linalg.norm(shift) > 0)
    assert joint.movement.turned == (np.linalg.norm(turn) > 0)
    assert not joint.remodelling.lost
    assert not joint.remodelling.gained


@pytest.mark.parametrize(
    "moved",
    [CondyleChange(worn_mm=1.0), CondyleChange(worn_mm=1.0, shift_mm=(0.5, -1.5, -1.0))],
    ids=["worn", "worn and moved"],
)
def test_a_worn_pole_is_told_from_a_moved_condyle(before, moved: CondyleChange):
    after = result(changes={Side.RIGHT: moved}, sides=(Side.RIGHT,), **TILT)
    joint = compare_results(before, after).comparison.right
    shift, _ = truth(moved, Side.RIGHT)

    assert joint.remodelling.lost_mm == pytest.approx(1.0, abs=0.2)
    assert joint.remodelling.lost
    assert not joint.remodelling.gained
    assert np.linalg.norm(np.subtract(joint.movement.shift_mm_xyz, shift)) < 0.2
    assert joint.movement.moved == (np.linalg.norm(shift) > 0)


def test_bone_that_grew_back_is_gained(before):
    worn = result(changes={Side.RIGHT: CondyleChange(worn_mm=1.0)}, sides=(Side.RIGHT,))
    joint = compare_results(worn, before).comparison.right

    assert joint.remodelling.gained_mm == pytest.approx(1.0, abs=0.2)
    assert joint.remodelling.gained
    assert not joint.remodelling.lost


def test_the_painted_condyle_carries_the_distance_that_was_worn(before):
    worn = result(changes={Side.RIGHT: CondyleChange(worn_mm=1.0)}, sides=(Side.RIGHT,))
    overlay = compare_results(before, worn).overlays[Side.RIGHT]

    assert np.nanmin(overlay.distance_mm) == pytest.approx(-1.0, abs=0.2)
    assert np.nanmin(overlay.change_mm) == pytest.approx(-1.0, abs=0.2)
    assert len(overlay.distance_mm) == len(overlay.condyles.after.mesh.points_mm)
    assert np.nanmedian(overlay.distance_mm) == pytest.approx(0.0, abs=0.05)


def test_a_head_that_only_lies_otherwise_has_changed_in_nothing(unchanged):
    for joint in unchanged.joints:
        assert joint.outcome is Outcome.COMPARED
        assert joint.cranial_base.residual_mm < 0.1
        assert joint.movement.distance_mm < joint.movement.distance_half_95_mm
        assert joint.movement.angle_degrees < joint.movement.angle_half_95_degrees
        assert not joint.movement.moved
        assert not joint.movement.turned
        assert max(joint.remodelling.lost_mm, joint.remodelling.gained_mm) < 0.2
        assert not joint.remodelling.lost
        assert not joint.remodelling.gained


def test_an_opened_mouth_is_said_and_its_joint_spaces_are_not_compared(before):
    opened = CondyleChange(shift_mm=(0.0, -9.0, -4.0), turn_degrees=(15.0, 0.0, 0.0))
    after = result(changes=dict.fromkeys(Side, opened), **TILT)
    found = compare_results(before, after).comparison
    back = compare_results(after, before).comparison

    for joint in found.joints:
        assert joint.outcome is Outcome.OPENED
        assert "opened wider in AFTER" in joint.reason
        assert joint.nv_mm3.change is None
        assert joint.nv_mm3.after == 7000.0
        assert all(change.change is None for change in joint.joint_space_mm.values())
        assert joint.head_volume_mm3.change == 0.0
        assert joint.movement.distance_mm == pytest.approx(np.hypot(9.0, 4.0), abs=0.3)
    assert found.nv_asymmetry_points is None
    assert all("opened wider in BEFORE" in joint.reason for joint in back.joints)


@pytest.mark.parametrize("sides", [tuple(Side), (Side.LEFT,)], ids=["both", "one"])
def test_a_mouth_opened_wide_in_a_tilted_head_is_still_laid_on_its_base(before, sides):
    wide = CondyleChange(shift_mm=(0.0, -16.0, -10.0), turn_degrees=(25.0, 0.0, 0.0))
    tilt = {"turn": (-25.0, 6.0, 12.0), "shift": (14.0, -8.0, 30.0)}
    after = result(changes=dict.fromkeys(sides, wide), sides=sides, **tilt)
    joint = compare_results(before, after).comparison.left

    assert joint.outcome is Outcome.OPENED
    assert joint.cranial_base.residual_mm < 0.1
    assert joint.movement.distance_mm == pytest.approx(np.hypot(16.0, 10.0), abs=0.3)
    assert joint.movement.angle_degrees == pytest.approx(25.0, abs=0.5)
