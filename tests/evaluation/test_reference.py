"""A reference is compared with the joint that it shows, wherever its voxels lie."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.evaluation.reference import compare_joints, compared_report, read_references
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Label, Side
from tests.cli.reports import report
from tests.evaluation.balls import CENTRES, RADIUS_MM, both_joints, one_joint, view, written


@pytest.fixture(scope="module")
def views():
    return {side: view(side) for side in Side}


def compared(views, *paths: Path):
    return compare_joints(read_references(paths), views)


def test_a_reference_of_both_joints_that_says_the_same_agrees_wholly(tmp_path, views):
    found = compared(views, written(both_joints(), tmp_path / "both.nii.gz"))

    assert list(found) == [Side.RIGHT, Side.LEFT]
    for side, joint in found.items():
        for structure in ("condyle", "temporal_bone", "negative_volume"):
            agreement = getattr(joint.comparison, structure)
            assert (agreement.dice, agreement.hd95_mm) == (1.0, 0.0), (side, structure)
        assert joint.comparison.coverage == pytest.approx(1.0)
        assert joint.flags == ()


def test_a_reference_of_one_joint_says_nothing_about_the_other(tmp_path, views):
    found = compared(views, written(one_joint(Side.LEFT), tmp_path / "labels.nii.gz"))

    assert list(found) == [Side.LEFT]
    assert found[Side.LEFT].comparison.negative_volume is None


def test_the_side_is_where_a_reference_lies_not_what_its_file_is_called(tmp_path, views):
    right = written(one_joint(Side.LEFT), tmp_path / "right.nii.gz")
    left = written(one_joint(Side.RIGHT), tmp_path / "left.nii.gz")

    assert list(compared(views, right)) == [Side.LEFT]
    assert list(compared(views, left)) == [Side.RIGHT]
    assert set(compared(views, right, left)) == set(Side)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("off_mm", [(2.0, 0, 0), (-2.0, 0, 0), (0, 2.0, 0), (0, 0, -2.0)])
def test_a_ball_out_of_place_overlaps_as_two_balls_do(tmp_path, views, side, off_mm):
    """Volume of the lens of two balls of radius R, d apart: pi (4R + d) (2R - d)^2 / 12."""
    d, r = 2.0, RADIUS_MM
    lens = np.pi * (4 * r + d) * (2 * r - d) ** 2 / 12

    found = compared(views, written(one_joint(side, off_mm=off_mm), tmp_path / "a.nii.gz"))

    condyle = found[side].comparison.condyle
    assert condyle.dice == pytest.approx(lens / (4 / 3 * np.pi * r**3), abs=0.02)
    assert condyle.hd95_mm == pytest.approx(2.0, abs=0.6)


def test_the_labels_to_draw_lie_over_the_joint_mirrored_where_it_is_the_right(tmp_path, views):
    """A ball 5 mm to the patient's right lies lateral of the right joint, medial of the left."""
    for side, lateral in ((Side.RIGHT, 5.0), (Side.LEFT, -5.0)):
        path = written(one_joint(side, off_mm=(-5.0, 0, 0)), tmp_path / f"{side}.nii.gz")

        labels = compared(views, path)[side].labels_zyx

        grid = views[side].geometry.frame.local_grid
        middle = grid.to_world(np.argwhere(labels == Label.CONDYLE)[:, ::-1]).mean(axis=0)
        assert middle == pytest.approx((lateral, 0, 0), abs=0.3)


def test_a_reference_in_another_axis_order_and_spacing_gives_the_same(tmp_path, views):
    plain = compared(views, written(one_joint(Side.LEFT), tmp_path / "a.nii.gz"))
    turned = sitk.DICOMOrient(sitk.ReadImage(str(tmp_path / "a.nii.gz")), "ASR")
    sitk.WriteImage(turned, str(tmp_path / "b.nrrd"))

    again = compared(views, tmp_path / "b.nrrd")

    same = replace(again[Side.LEFT].comparison, sha256=plain[Side.LEFT].comparison.sha256)
    assert same == plain[Side.LEFT].comparison


def test_the_file_is_told_by_its_hash_alone(tmp_path, views):
    path = written(one_joint(Side.LEFT), tmp_path / "Smith^John.nii.gz")

    comparison = compared(views, path)[Side.LEFT].comparison

    assert comparison.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "Smith" not in str(comparison)


def test_what_the_reference_does_not_cover_is_not_held_against_the_measurement(tmp_path, views):
    """Cut 4 mm above the condyle's centre, it still agrees with all of what it shows."""
    whole = one_joint(Side.LEFT)
    rows = round(34.0 / 0.5)
    grid = replace(whole.grid, size_xyz=(*whole.grid.size_xyz[:2], rows))
    path = written(Volume(whole.values_zyx[:rows], grid), tmp_path / "cut.nii.gz")

    joint = compared(views, path)[Side.LEFT].comparison

    assert joint.condyle.dice > 0.96  # half a voxel lies between the two grids
    assert 0.5 < joint.coverage < 0.75


def test_a_mandible_and_a_skull_without_sides_are_compared_on_both(tmp_path, views):
    six = both_joints()
    table = np.array([0, 1, 2, 0, 1, 2, 0], dtype=np.uint8)
    path = written(Volume(table[six.values_zyx], six.grid), tmp_path / "skull.nii.gz")

    assert set(compared(views, path)) == set(Side)


def test_a_condyle_that_was_missed_is_flagged_and_has_no_distance(tmp_path, views):
    wrong = view(Side.LEFT)
    wrong.geometry.labels_zyx[wrong.geometry.labels_zyx == Label.CONDYLE] = 0

    found = compared(
        {**views, Side.LEFT: wrong}, written(one_joint(Side.LEFT), tmp_path / "a.nii.gz")
    )

    assert found[Side.LEFT].comparison.condyle.dice == 0.0
    assert found[Side.LEFT].comparison.condyle.hd95_mm is None
    assert found[Side.LEFT].flags == (
        "the condyle hardly overlaps that of the reference (Dice 0.00)",
    )


def test_a_joint_found_far_from_its_condyle_counts_as_missed_and_not_as_unlabelled(tmp_path, views):
    path = written(both_joints(), tmp_path / "both.nii.gz")
    x, y, z = CENTRES[Side.LEFT]
    lost = moved(view(Side.LEFT), (x, y - 34.0, z))

    found = compared({**views, Side.LEFT: lost}, path)

    assert found[Side.RIGHT].comparison.condyle.dice == 1.0
    assert found[Side.LEFT].comparison.condyle.dice == 0.0


def moved(given: JointView, centre_mm) -> JointView:
    """The same picture about another centre."""
    frame = replace(given.geometry.frame, centre_mm_xyz=centre_mm)
    return replace(given, geometry=replace(given.geometry, frame=frame))


def test_a_reference_that_lies_beside_the_bone_is_flagged(tmp_path, views):
    path = written(one_joint(Side.LEFT, off_mm=(4.0, 0, -4.0)), tmp_path / "a.nii.gz")

    assert "does not follow the bone" in compared(views, path)[Side.LEFT].flags[0]


def test_without_a_ct_only_the_overlap_is_judged(tmp_path):
    labels_only = {Side.LEFT: view(Side.LEFT, ct=False)}

    found = compared(labels_only, written(one_joint(Side.LEFT), tmp_path / "a.nii.gz"))

    assert found[Side.LEFT].flags == ()


def test_the_report_gets_what_was_found_and_the_other_joint_stays(tmp_path, views):
    found = compared(views, written(one_joint(Side.LEFT), tmp_path / "a.nii.gz"))

    with_reference = compared_report(report(), found)

    assert with_reference.left.reference == found[Side.LEFT].comparison
    assert with_reference.right.reference is None


def off(volume: Volume, x: float, y: float, z: float) -> Volume:
    origin = tuple(np.add(volume.grid.origin_mm_xyz, (x, y, z)).tolist())
    return Volume(volume.values_zyx, replace(volume.grid, origin_mm_xyz=origin))


def turned_round(volume: Volume) -> Volume:
    """As a file in RAS that says it is in LPS."""
    x, y, z = volume.grid.origin_mm_xyz
    direction = (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)
    return Volume(
        volume.values_zyx, replace(volume.grid, origin_mm_xyz=(-x, -y, z), direction=direction)
    )


def sides_exchanged(volume: Volume) -> Volume:
    table = np.array([0, 4, 5, 6, 1, 2, 3], dtype=np.uint8)
    return Volume(table[volume.values_zyx], volume.grid)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (off(one_joint(Side.LEFT), 0, 0, 300), "shows no condyle where this scan's joints are"),
        (turned_round(both_joints()), "saved in RAS"),
        (sides_exchanged(both_joints()), "right labels .* at the left joint"),
        (off(one_joint(Side.LEFT), 9, 9, -9), "does not follow the bone of this scan"),
        (Volume(np.zeros((9, 9, 9), np.uint8), Grid((9,) * 3, (1.0,) * 3, (0.0,) * 3)), "blank"),
        (Volume(np.full((9, 9, 9), 7, np.uint8), Grid((9,) * 3, (1.0,) * 3, (0.0,) * 3)), "7"),
        (
            Volume(np.full((9, 9, 9), 900, np.int16), Grid((9,) * 3, (1.0,) * 3, (0.0,) * 3)),
            "give a label map, not a scan",
        ),
    ],
)
def test_what_is_no_reference_of_this_scan_is_refused_in_a_sentence(
    tmp_path, views, reference, why
):
    path = written(reference, tmp_path / "reference.nii.gz")

    with pytest.raises(InputError, match=why) as caught:
        compared(views, path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_references_of_one_joint_are_refused(tmp_path, views):
    paths = [written(one_joint(Side.LEFT), tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]

    with pytest.raises(InputError, match="both show the left joint"):
        compared(views, *paths)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.nii\.gz"):
        read_references([tmp_path / "nowhere.nii.gz"])
