from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.report import JointReport, JointSpace, Status, Uncertainty
from negvol_cli.settings import FRAME_SIZE, ClipSettings, Settings
from negvol_cli.steps.bone_lines import BoneEdges
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.refine_edges import RefinedJoint
from negvol_cli.steps.scanner import Scanner
from negvol_cli.steps.self_check import doubt_pair, judge, missing, size_flags
from negvol_cli.structures import Label, Side
from tests.steps.made_joints import RIGHT, ball, measured, socket

UNKNOWN = JointSpace(
    narrowest=None, superior=None, anterior=None, posterior=None, medial=None, lateral=None
)


@pytest.fixture(scope="module")
def sound(backend) -> JointGeometry:
    """A ball of 6 mm under a socket 2.5 mm away."""
    return measured(ball(6.0), socket(8.5, 12.0), backend, frame=RIGHT)


@pytest.fixture(scope="module")
def images() -> JointImages:
    """The CT of that joint, and what a network is sure of."""
    return ct_of(ball(6.0), socket(8.5, 12.0))


def ct_of(condyle, bone) -> JointImages:
    hu = 40.0 + 1000.0 * np.maximum(condyle, bone)
    return JointImages(
        RIGHT, hu.astype(np.float32), condyle, bone, np.ones(condyle.shape, dtype=bool)
    )


def everything_seen() -> np.ndarray:
    return np.ones((FRAME_SIZE,) * 3, dtype=bool)


def judged(geometry, images=None, **others) -> JointReport:
    given = {"found": None, "recorded_zyx": everything_seen(), "settings": Settings(), **others}
    return judge(geometry, **{"network": images, "refined": images, **given})


def test_a_sound_joint_is_ok_and_its_head_lies_in_the_world(sound, images):
    report = judged(sound, images, found=FoundJoint((-45.0, 10.0, -20.0), 0.8))

    assert report.status is Status.OK
    assert report.flags == sound.flags  # a ball has no ramus
    assert report.head_centre_mm_xyz == pytest.approx((-45.0, 10.0, -20.0), abs=2.0)
    assert (report.nv_mm3, report.confidence) == (sound.nv_mm3, 0.8)
    assert len(report.checks) >= 12
    assert all(check.passed and check.why == "" for check in report.checks)


def test_a_joint_cut_below_keeps_its_joint_space_and_a_lower_bound_of_nv(sound):
    seen = everything_seen()
    seen[:40] = False
    cut = replace(
        sound,
        unseen_fraction=0.03,
        labels_zyx=np.where(seen, sound.labels_zyx, 0).astype(np.uint8),
    )
    report = judged(cut, recorded_zyx=seen)
    voxels = (cut.labels_zyx == Label.NEGATIVE_VOLUME).sum()

    assert report.status is Status.CUT
    assert report.status_text.startswith(
        "cut by the field of view: 3% of the measurement sphere not scanned, "
        f"NV is at least {voxels / 8:.0f} mm³"
    )
    assert report.nv_lower_bound_mm3 == voxels / 8
    assert report.nv_lower_bound_mm3 < sound.nv_mm3
    assert (report.nv_mm3, report.nv_voxel_mm3, report.articular_nv_mm3) == (None, None, None)
    assert report.joint_space_mm == sound.joint_space
    assert report.flags == (*sound.flags, "31% of the 64 mm joint frame not scanned")
    assert report.head_volume_mm3 == sound.head_volume_mm3


def test_the_largest_sphere_that_fits_is_offered(sound):
    seen = everything_seen()
    seen[: round(64 + 2 * (sound.head_centre_mm[2] - 11.5))] = False
    report = judged(replace(sound, unseen_fraction=0.05), recorded_zyx=seen)

    assert report.reason.endswith("a sphere of 22 mm fits (--sphere-mm 22)")


def test_a_sphere_that_holds_little_but_the_head_is_said(sound):
    flags = [
        judge(sound, None, None, Settings(clip=ClipSettings(width_mm=width_mm))).flags
        for width_mm in (20.0, 19.0)
    ]

    assert flags[0] == sound.flags
    assert flags[1] == (
        "a measurement sphere of 19 mm holds little but the condylar head: take one of 20 mm or "
        "more",
        *sound.flags,
    )


def test_a_joint_cut_far_has_no_lower_bound_and_is_offered_no_sphere(sound):
    seen = everything_seen()
    seen[: round(64 + 2 * (sound.head_centre_mm[2] - 9.0))] = False
    report = judged(replace(sound, unseen_fraction=0.2), recorded_zyx=seen)

    assert report.reason == "20% of the measurement sphere not scanned"
    assert report.nv_lower_bound_mm3 is None


def test_a_joint_cut_through_its_head_gives_no_figure_at_all(sound):
    seen = everything_seen()
    seen[:64] = False
    report = judged(replace(sound, unseen_fraction=0.5), recorded_zyx=seen)

    assert report.status is Status.CUT
    assert report.head_volume_mm3 is None
    assert report.joint_space_mm is None


@pytest.mark.parametrize("unseen", [0.0, 0.05])
def test_an_implausible_joint_has_no_figure_even_where_it_is_cut(sound, unseen):
    report = judged(replace(sound, head_volume_mm3=90.0, unseen_fraction=unseen))

    assert report.status_text == "implausible: condylar head of 90 mm³ (expected 250 to 5000)"
    for name in ("head_volume_mm3", "nv_mm3", "nv_voxel_mm3", "nv_lower_bound_mm3"):
        assert getattr(report, name) is None
    assert report.articular_nv_mm3 is None
    assert report.joint_space_mm is None


@pytest.mark.parametrize(("off_hu", "flagged"), [(0.0, False), (45.0, True)])
def test_tissue_about_one_joint_that_is_unlike_the_scans_is_said(sound, images, off_hu, flagged):
    scattered = replace(images, hu_zyx=images.hu_zyx + np.float32(off_hu))
    report = judged(sound, scattered)

    assert report.status is Status.OK
    assert any(flag.startswith("soft tissue about the joint lies at") for flag in report.flags) is (
        flagged
    )


@pytest.mark.parametrize(("blur_mm", "flagged"), [(0.5, False), (1.4, True)])
def test_a_top_that_the_scan_does_not_show_apart_from_the_roof_is_said(
    sound, images, blur_mm, flagged
):
    nowhere, nothing = np.zeros((0, 3)), np.zeros(0)
    none = BoneEdges(nowhere, nowhere, nothing, nothing, nothing, nothing > 0, 1040.0)
    refined = RefinedJoint(images, none, none, nothing, nothing.astype(np.intp))
    scanner = Scanner(
        blur_mm_xyz=(0.4, 0.4, blur_mm), air_hu=-1000.0, tissue_hu=40.0, noise_hu=5.0, edges=100
    )

    flags = judged(sound, images, edges=(refined, scanner)).flags

    said = [flag for flag in flags if flag.startswith("over 100% of the condyle's top")]
    assert len(said) == flagged
    assert all("under 2.8 mm, which this scan does not resolve" in flag for flag in said)


def test_what_else_is_wrong_is_flagged(sound):
    report = judged(replace(sound, head_volume_mm3=90.0, head_centre_mm=(0.0, 20.0, 0.0)))

    assert any(flag.startswith("also: condylar head 20 mm from where") for flag in report.flags)


SCAN = Volume(np.zeros((50, 50, 50), np.int16), Grid((50,) * 3, (3.0,) * 3, (-75.0,) * 3))


@pytest.mark.parametrize(
    ("side", "other_x", "status"),
    [
        (Side.LEFT, 40.0, Status.CUT),
        (Side.LEFT, -40.0, Status.NOT_FOUND),
        (Side.RIGHT, -40.0, Status.CUT),
        (Side.RIGHT, 40.0, Status.NOT_FOUND),
    ],
)
def test_a_joint_that_would_lie_outside_the_scan_is_cut_not_just_missing(side, other_x, status):
    other = FoundJoint((other_x, 0.0, 0.0), 0.9)

    assert missing(side, other, SCAN).status is status


def test_without_any_joint_nothing_is_said_of_the_field_of_view():
    assert missing(Side.LEFT, None, SCAN).status is Status.NOT_FOUND


def pair_joint(side: Side, x: float, head_volume_mm3: float = 1500.0) -> JointReport:
    return JointReport(
        side=side,
        status=Status.OK,
        head_centre_mm_xyz=(x, 0.0, 0.0),
        head_volume_mm3=head_volume_mm3,
        nv_mm3=5000.0,
        uncertainty=Uncertainty(
            head_volume_mm3=10.0, nv_mm3=80.0, articular_nv_mm3=40.0, joint_space_mm=UNKNOWN
        ),
    )


@pytest.mark.parametrize(
    ("right_x", "left_x", "doubted"),
    [(-50.0, 50.0, False), (-30.0, 30.0, True), (-80.0, 80.0, True), (50.0, -50.0, True)],
)
def test_condyles_too_near_too_far_or_on_each_others_side_are_doubted(right_x, left_x, doubted):
    right, left = pair_joint(Side.RIGHT, right_x), pair_joint(Side.LEFT, left_x)

    for joint in doubt_pair(right, left):
        assert (joint.status is Status.IMPLAUSIBLE) is doubted
        assert joint.nv_mm3 is (None if doubted else 5000.0)
        assert (joint.uncertainty is None) is doubted


@pytest.mark.parametrize(
    ("apart_mm", "said"),
    [(101.0, None), (81.0, None), (112.0, None), (74.0, "small"), (124.0, "very large")],
)
def test_a_head_of_unusual_size_makes_its_voxels_doubtful(apart_mm: float, said: str | None):
    right, left = pair_joint(Side.RIGHT, -apart_mm / 2), pair_joint(Side.LEFT, apart_mm / 2)

    flags = size_flags(right, left)

    assert [said in flag and f"{apart_mm:.0f} mm apart" in flag for flag in flags if said] == (
        [] if said is None else [True]
    )
    assert len(flags) == (said is not None)


def test_the_size_of_a_head_with_one_joint_in_view_is_not_judged():
    unseen = JointReport(side=Side.RIGHT, status=Status.NOT_FOUND, reason="no condyle in view")
    assert size_flags(unseen, pair_joint(Side.LEFT, 50.0)) == ()


def test_condyles_too_unlike_are_both_doubted():
    right = pair_joint(Side.RIGHT, -50.0, head_volume_mm3=500.0)
    left = pair_joint(Side.LEFT, 50.0, head_volume_mm3=1600.0)

    for joint in doubt_pair(right, left):
        assert joint.reason == (
            "one condylar head is 3.2 times as large as the other (at most 3.0)"
        )


def test_a_joint_that_is_cut_is_doubted_with_the_other():
    right = replace(pair_joint(Side.RIGHT, -20.0), status=Status.CUT)
    left = pair_joint(Side.LEFT, 20.0)

    assert {joint.status for joint in doubt_pair(right, left)} == {Status.IMPLAUSIBLE}
