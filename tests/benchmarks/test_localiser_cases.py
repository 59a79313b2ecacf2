"""What is tried with the localiser, and how its answers are judged."""

import numpy as np
import pytest

from benchmarks.localiser_cases import Case, both, in_cone_beam, moved, outcome
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.resample import resample
from negvol_cli.steps.localise import FoundJoint, Localisation
from negvol_cli.structures import AIR_HU
from training.augment.cone_beam import ConeBeamSettings
from training.data.heads import HeadSample

RIGHT, LEFT = (-50.0, 5.0, 10.0), (50.0, 5.0, 10.0)
GRID = Grid((50, 50, 40), (4.0,) * 3, (-98.0, -98.0, -78.0))


def head(name: str, hu: float) -> HeadSample:
    """Water with a ball of bone about the left joint."""
    index = np.moveaxis(np.indices(GRID.shape_zyx), 0, -1)[..., ::-1]
    away = np.linalg.norm(GRID.to_world(index) - LEFT, axis=-1)
    values = np.where(away < 10, hu, 0.0).astype(np.float32)
    return HeadSample(name, Volume(values, GRID), np.array([RIGHT, LEFT]), name)


def found(right: object, left: object, *, more_heads: bool = False) -> Localisation:
    joints = (FoundJoint(at, 0.9) if at else None for at in (right, left))
    return Localisation(*joints, more_heads=more_heads)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (found(RIGHT, LEFT), "all found"),
        (found(RIGHT, None), "some found"),
        (found(None, None), "none, or refused"),
        (found(RIGHT, LEFT, more_heads=True), "none, or refused"),
        (found(LEFT, RIGHT), "wrong"),
        (found(RIGHT, (50.0, 5.0, 23.0)), "wrong"),
    ],
)
def test_an_answer_is_right_said_or_wrong(answer, told):
    assert outcome(Case("x", head("x", 0.0).volume, np.array([RIGHT, LEFT])), answer) == told


def test_a_joint_out_of_view_is_not_missed_but_may_not_be_reported():
    case = Case("x", head("x", 0.0).volume, np.array([RIGHT, LEFT]), (-10.0, 10.0))

    assert outcome(case, found(None, LEFT)) == "all found"
    assert outcome(case, found(RIGHT, LEFT)) == "wrong"


def test_one_of_two_heads_reported_alone_is_wrong():
    case = Case("x", head("x", 0.0).volume, np.array([RIGHT, LEFT]), several=True)

    assert outcome(case, found(RIGHT, LEFT)) == "wrong"
    assert outcome(case, found(RIGHT, LEFT, more_heads=True)) == "none, or refused"


def test_bone_moves_with_its_joint():
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])

    volume, centres = moved(head("x", 1500.0), 0.75 * turn)

    at = Grid((1, 1, 1), (4.0,) * 3, tuple(centres[1]))
    assert centres[1] == pytest.approx([0.0, 5.0 + 0.75 * 50, 10.0])
    assert resample(volume, at, fill=AIR_HU).item() == pytest.approx(1500, abs=1)
    assert volume.grid.spacing_mm_xyz == pytest.approx((3.0,) * 3)


def test_another_head_stands_beside_the_first():
    scan = both(head("x", 1500.0), head("y", 700.0))

    for x, hu in ((50.0, 1500.0), (240.0, 700.0)):
        at = Grid((1, 1, 1), (4.0,) * 3, (x, 5.0, 10.0))
        assert resample(scan, at, fill=AIR_HU).item() == pytest.approx(hu, abs=1)


def test_how_deep_joints_lie_in_a_cone_beams_field_is_known():
    machine = ConeBeamSettings(diameter_mm=140.0, behind_mm=15.0, above_mm=30.0, height_mm=60.0)

    seen, depth = in_cone_beam(head("x", 1500.0), machine, 3)

    # the axis stands sqrt(70² - 50²) - 15 = 34 mm in front of the joints
    assert depth == pytest.approx((70 - np.hypot(50, 34),) * 2, abs=1.5)
    assert seen.grid.spacing_mm_xyz == (2.0, 2.0, 2.0)
