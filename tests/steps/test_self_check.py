from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointReport, JointSpace, Status
from negvol_cli.settings import FRAME_SIZE, Settings
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.process_axis import Axis
from negvol_cli.steps.self_check import doubt_distance, judge, missing
from negvol_cli.structures import Label, Side

EMPTY = Mesh(np.empty((0, 3)), np.empty((0, 3), dtype=np.int32))
SPACE = JointSpace(narrowest=1, superior=2, anterior=3, posterior=2, medial=2, lateral=2)


@pytest.fixture
def geometry() -> JointGeometry:
    labels = np.zeros((FRAME_SIZE,) * 3, dtype=np.uint8)
    labels[100:] = Label.TEMPORAL_BONE
    return JointGeometry(
        frame=JointFrame(Side.RIGHT, (-50.0, 0.0, 0.0)),
        condyle=EMPTY,
        temporal_bone=EMPTY,
        inflated=EMPTY,
        joint_space_mm=np.empty(0),
        of_head=np.empty(0, dtype=np.bool_),
        labels_zyx=labels,
        axis=Axis((0.0, 0.0, 1.0), (2.0, 0.0, 0.0)),
        apex_mm=(0.0, 0.0, 5.0),
        head_centre_mm=(2.0, 0.0, 0.0),
        head_volume_mm3=1200.0,
        nv_mm3=6000.0,
        nv_voxel_mm3=6010.0,
        articular_nv_mm3=900.0,
        joint_space=SPACE,
        watertight=True,
    )


def everything_seen() -> np.ndarray:
    return np.ones((FRAME_SIZE,) * 3, dtype=bool)


def test_a_sound_joint_is_ok_and_its_head_lies_in_the_world(geometry):
    report = judge(geometry, FoundJoint((-50.0, 0.0, 0.0), 0.8), everything_seen(), Settings())

    assert report.status is Status.OK
    assert report.flags == ()
    assert report.head_centre_mm_xyz == (-52.0, 0.0, 0.0)
    assert (report.nv_mm3, report.confidence) == (6000.0, 0.8)


def test_a_joint_cut_below_keeps_its_joint_space_but_gives_no_nv(geometry):
    seen = everything_seen()
    seen[:40] = False
    report = judge(replace(geometry, unseen_fraction=0.1), None, seen, Settings())

    assert report.status_text == "cut by the field of view: 10% of the clip not scanned"
    assert (report.nv_mm3, report.nv_voxel_mm3, report.articular_nv_mm3) == (None, None, None)
    assert report.joint_space_mm == SPACE
    assert report.flags == ("31% of the 64 mm joint frame not scanned",)
    assert report.head_volume_mm3 == 1200.0


def test_a_joint_cut_through_its_head_gives_no_figure_at_all(geometry):
    seen = everything_seen()
    seen[:64] = False
    report = judge(replace(geometry, unseen_fraction=0.5), None, seen, Settings())

    assert report.status is Status.CUT
    assert report.head_volume_mm3 is None
    assert report.joint_space_mm is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"head_volume_mm3": 90.0}, "condylar head of 90 mm³ (expected 250 to 5000)"),
        ({"head_centre_mm": (0.0, 20.0, 0.0)}, "condylar head 20 mm from where"),
        ({"labels_zyx": np.zeros((FRAME_SIZE,) * 3, np.uint8)}, "no temporal bone was found"),
        ({"joint_space": replace(SPACE, superior=None)}, "no temporal bone above the condyle"),
        ({"joint_space": replace(SPACE, superior=14.0)}, "superior joint space of 14.0 mm"),
    ],
)
def test_nonsense_is_called_implausible_with_the_reason(geometry, change, why):
    report = judge(replace(geometry, **change), None, everything_seen(), Settings())

    assert report.status is Status.IMPLAUSIBLE
    assert report.status_text.startswith(f"implausible: {why}")


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


@pytest.mark.parametrize(
    ("right_x", "left_x", "doubted"),
    [(-50.0, 50.0, False), (-30.0, 30.0, True), (-80.0, 80.0, True), (50.0, -50.0, True)],
)
def test_condyles_too_near_too_far_or_on_each_others_side_are_doubted(right_x, left_x, doubted):
    right = JointReport(side=Side.RIGHT, status=Status.OK, head_centre_mm_xyz=(right_x, 0.0, 0.0))
    left = JointReport(side=Side.LEFT, status=Status.OK, head_centre_mm_xyz=(left_x, 0.0, 0.0))

    for joint in doubt_distance(right, left):
        assert (joint.status is Status.IMPLAUSIBLE) is doubted
