"""Which results are compared, which refused, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.comparison.compared import compare_results
from negvol_cli.comparison.report import Outcome
from negvol_cli.comparison.stored import StoredJoint, StoredResult
from negvol_cli.errors import InputError
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import Asymmetry, Status
from negvol_cli.structures import Side
from tests.comparison.made import joint_report, result, scan_report


@pytest.fixture(scope="module")
def before() -> StoredResult:
    return result(sha256="a")


def mirrored(given: StoredResult) -> StoredResult:
    """The result of the same scan stored with left and right the wrong way round."""
    flip = np.array([-1.0, 1.0, 1.0])

    def turned(mesh: Mesh) -> Mesh:
        return Mesh(mesh.points_mm * flip, np.ascontiguousarray(mesh.triangles[:, ::-1]))

    joints = {
        side.other: StoredJoint(
            joint_report(side.other, joint.centre_mm * flip),
            turned(joint.condyle),
            turned(joint.temporal_bone),
            Mesh.empty(),
            joint.joint_space_mm,
        )
        for side, joint in given.joints.items()
    }
    return StoredResult(given.folder, scan_report(joints), "m", joints)


def test_another_head_is_refused_with_how_far_it_is_off(before):
    with pytest.raises(InputError, match=r"do not fit.* [0-9.]+ mm .*same patient"):
        compare_results(before, result(12))


def test_one_joint_of_another_head_is_refused_too(before):
    with pytest.raises(InputError, match="give two results of the same patient"):
        compare_results(before, result(13, sides=(Side.LEFT,)))


@pytest.mark.parametrize("sides", [tuple(Side), (Side.LEFT,)])
def test_a_mirrored_scan_is_named_as_one(before, sides):
    given = mirrored(before)
    some = {side: joint for side, joint in given.joints.items() if side in sides}
    with pytest.raises(InputError, match="fit only if one of them is mirrored"):
        compare_results(before, replace(given, joints=some))


def test_the_same_scan_twice_has_changed_by_nothing_and_that_is_said(before):
    found = compare_results(before, before).comparison

    assert "both results are of the same scan" in found.flags[0]
    for joint in found.joints:
        assert joint.nv_mm3.change == 0.0
        assert joint.movement.distance_mm < 0.01
        assert joint.movement.distance_half_95_mm > 0.05
        assert joint.remodelling.lost_mm == pytest.approx(0.0, abs=0.01)


def test_a_joint_that_one_result_lacks_is_not_compared_and_the_other_is(before):
    found = compare_results(before, result(sides=(Side.LEFT,), turn=(5.0, 0.0, 0.0))).comparison

    assert found.right.outcome is Outcome.NOT_COMPARED
    assert found.right.reason == "in AFTER it is not found: no condyle in view"
    assert found.left.outcome is Outcome.COMPARED
    assert found.nv_asymmetry_points is None


def test_results_without_a_joint_in_common_are_refused():
    right, left = result(sides=(Side.RIGHT,)), result(sides=(Side.LEFT,))
    with pytest.raises(InputError, match="no joint of the two results can be compared"):
        compare_results(right, left)


def test_a_condyle_that_was_replaced_leaves_the_figures_and_says_so(before):
    joint = before.joints[Side.LEFT]
    ball = Mesh(
        joint.centre_mm + 6.0 * unit_ball(joint.condyle.points_mm - joint.centre_mm),
        joint.condyle.triangles,
    )
    after = replace(before, joints={Side.LEFT: replace(joint, condyle=ball)})
    found = compare_results(before, after).comparison.left

    assert found.outcome is Outcome.COMPARED
    assert found.movement is None
    assert "its movement cannot be told" in found.flags[0]
    assert found.nv_mm3.change == 0.0


def unit_ball(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_changes_of_figures_have_the_intervals_of_both(before):
    found = compare_results(before, result(turn=(3.0, 0.0, 0.0), nv_mm3=7500.0)).comparison

    assert found.right.nv_mm3.change == 500.0
    assert found.right.nv_mm3.half_95 == pytest.approx(200.0 * 2**0.5)
    assert found.right.nv_mm3.claimed
    assert found.right.joint_space_mm["superior"].half_95 == pytest.approx(0.3 * 2**0.5)
    assert not found.right.joint_space_mm["superior"].claimed


def test_asymmetries_change_in_points_of_the_signed_index(before):
    def skewed(given: StoredResult, left: float, right: float) -> StoredResult:
        asymmetry = Asymmetry.between(left, right)
        report = replace(given.report, nv_asymmetry=asymmetry, nv_asymmetry_points=2.0)
        return replace(given, report=report)

    found = compare_results(skewed(before, 6.0, 4.0), skewed(before, 4.5, 5.5)).comparison
    points = found.nv_asymmetry_points

    assert (points.before, points.after) == (pytest.approx(20.0), pytest.approx(-10.0))
    assert points.change == pytest.approx(-30.0)
    assert points.half_95 == pytest.approx(8.0**0.5)
    assert points.claimed


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ({"patient_id": "A"}, {"patient_id": "B"}),
        ({"scan": "pat-0123456789ab-01234567"}, {"scan": "pat-ba9876543210-01234567"}),
    ],
)
def test_results_that_name_two_patients_are_refused(before, which, said):
    first = replace(before, report=replace(before.report, **which))
    second = replace(before, report=replace(before.report, **said))

    with pytest.raises(InputError, match="two patients by their own account") as caught:
        compare_results(first, second)
    assert not any(value in str(caught.value) for value in (*which.values(), *said.values()))


def stretched(given: StoredResult, mm: float) -> StoredResult:
    """The joints ``mm`` farther apart, as voxels of a wrong width would have them."""

    def moved(joint: StoredJoint) -> StoredJoint:
        way = np.array([mm / 2 if joint.side is Side.LEFT else -mm / 2, 0.0, 0.0])
        condyle, bone = (
            Mesh(mesh.points_mm + way, mesh.triangles)
            for mesh in (joint.condyle, joint.temporal_bone)
        )
        centre = joint_report(joint.side, joint.centre_mm + way)
        return replace(joint, report=centre, condyle=condyle, temporal_bone=bone)

    joints = {side: moved(joint) for side, joint in given.joints.items()}
    return replace(given, joints=joints, input_sha256="b")


def test_joints_a_little_farther_apart_are_flagged_and_much_farther_refused(before):
    found = compare_results(before, stretched(before, 1.6)).comparison

    assert any("lie 1.6 mm otherwise" in flag for flag in found.flags)
    with pytest.raises(InputError, match=r"5\.0 mm off its place .* check the voxel sizes"):
        compare_results(before, stretched(before, 5.0))


def test_other_clips_models_and_versions_are_flagged(before):
    first = replace(before, report=replace(before.report, clip="sphere of 30 mm"), version="1")
    other = replace(before.report, clip="sphere of 20 mm", bundle="mine", flags=("noisy",))
    after = replace(before, report=other, input_sha256="b", version="2")
    found = compare_results(first, after).comparison

    assert found.flags == (
        "NV was measured in a sphere of 30 mm before and a sphere of 20 mm after, so NV and joint "
        "spaces are not compared: measure both scans in the same",
        "the two results were measured by different models",
        "the two results were measured by different versions of negvol: measure both scans "
        "with one",
        "AFTER: noisy",
    )


def test_figures_that_end_at_spheres_of_two_sizes_are_not_compared(before):
    asymmetry = Asymmetry.between(6000.0, 7000.0)
    report = replace(before.report, nv_asymmetry=asymmetry, nv_asymmetry_points=2.0)
    first = replace(before, report=replace(report, clip="sphere of 30 mm"))
    small = {
        side: replace(joint, report=replace(joint.report, nv_mm3=2900.0, head_volume_mm3=1100.0))
        for side, joint in before.joints.items()
    }
    second = replace(first, report=replace(report, clip="sphere of 22 mm"), joints=small)
    found = compare_results(first, second).comparison

    for joint in found.joints:
        assert (joint.nv_mm3.before, joint.nv_mm3.after) == (7000.0, 2900.0)
        for change in (joint.nv_mm3, joint.articular_nv_mm3, *joint.joint_space_mm.values()):
            assert (change.change, change.half_95, change.claimed) == (None, None, None)
        assert joint.head_volume_mm3.claimed
        assert joint.movement is not None
    assert found.nv_asymmetry_points is None
    assert compare_results(first, first).comparison.nv_asymmetry_points is not None


def test_what_a_result_says_against_a_joint_is_repeated(before):
    joint = before.joints[Side.LEFT]
    cut = replace(joint.report, status=Status.CUT, reason="4 % not seen", flags=("metal near",))
    after = replace(before, joints={Side.LEFT: replace(joint, report=cut)})
    found = compare_results(before, after).comparison.left

    assert found.flags == (
        "AFTER: cut by the field of view: 4 % not seen",
        "AFTER: metal near",
    )


def test_a_joint_without_temporal_bone_nearby_is_not_compared(before):
    joint = before.joints[Side.LEFT]
    far = Mesh(joint.temporal_bone.points_mm + 80.0, joint.temporal_bone.triangles)
    joints = before.joints | {Side.LEFT: replace(joint, temporal_bone=far)}
    found = compare_results(before, replace(before, joints=joints)).comparison

    assert found.right.outcome is Outcome.COMPARED
    assert found.left.outcome is Outcome.NOT_COMPARED
    assert found.left.reason == "its temporal bones do not meet"
