from __future__ import annotations

from dataclasses import replace

import pytest

from negvol_cli.comparison.report import Change, JointComparison, Outcome
from negvol_cli.comparison.rows import Row
from negvol_cli.render import change_words, palette
from negvol_cli.structures import Side
from tests.comparison.unchanged import SAME, STILL


def joint(**more) -> JointComparison:
    given = {"outcome": Outcome.COMPARED, "movement": STILL, "remodelling": SAME} | more
    return JointComparison(side=Side.LEFT, **given)


@pytest.mark.parametrize(
    ("shift", "side", "words"),
    [
        ((1.0, -2.0, 0.04), Side.LEFT, "1.0 mm to the left (lateral), 2.0 mm anterior"),
        ((1.0, 0.0, -0.5), Side.RIGHT, "1.0 mm to the left (medial), 0.5 mm inferior"),
        ((-1.0, 0.3, 0.5), Side.RIGHT, "1.0 mm to the right (lateral), 0.3 mm posterior, "
         "0.5 mm superior"),
        ((0.05, 0.05, 0.05), Side.LEFT, "in no one direction"),
    ],
)  # fmt: skip
def test_a_way_is_said_in_the_patients_directions(shift, side, words):
    assert change_words.shifted(shift, side) == words


@pytest.mark.parametrize(
    ("turn", "side", "words"),
    [
        ((3.0, 0.0, 0.0), Side.LEFT, "3.0° head forward"),
        ((0.0, 2.0, 0.0), Side.LEFT, "2.0° head to lateral"),
        ((0.0, 2.0, 0.0), Side.RIGHT, "2.0° head to medial"),
        ((0.0, 0.0, 2.0), Side.LEFT, "2.0° lateral pole backward"),
        ((0.0, 0.0, 2.0), Side.RIGHT, "2.0° lateral pole forward"),
    ],
)
def test_a_turn_is_said_as_where_the_head_and_its_pole_go(turn, side, words):
    """A right-handed turn about left takes the top forward, as when the mouth opens."""
    assert change_words.turned(turn, side) == words


def test_what_did_not_change_is_said_in_words():
    nv = Change.between((7000.0, 200.0), (7100.0, 200.0))
    said = list(change_words.sentences(joint(nv_mm3=nv)))

    assert said == [
        "The condyle has not moved beyond what can be measured (0.0 ± 0.2 mm).",
        "The condyle has not turned beyond what can be measured (0.1 ± 0.4°).",
        "The condylar head's surface has not changed beyond what can be measured "
        "(lost up to 0.1, gained up to 0.2, ± 0.3 mm).",
        "No change beyond what can be measured: NV.",
    ]


def test_what_changed_is_said_with_its_interval():
    moved = replace(STILL, shift_mm_xyz=(0.0, -2.0, 0.0), distance_mm=2.0, moved=True)
    worn = replace(SAME, lost_mm=1.2, lost=True)
    nv = Change.between((7000.0, 200.0), (8000.0, 200.0))
    bare = Change.between((2.0, None), (2.5, None))
    said = list(
        change_words.sentences(
            joint(movement=moved, remodelling=worn, nv_mm3=nv, joint_space_mm={"superior": bare})
        )
    )

    assert said[0] == "The condyle moved by 2.0 ± 0.2 mm: 2.0 mm anterior."
    assert said[2] == "On the condylar head bone was lost by up to 1.2 ± 0.3 mm."
    assert said[3] == "Changed: NV (+1000 ± 283 mm³)."
    assert said[4] == "How far these can be measured is not known: superior joint space (+0.5 mm)."


def test_an_opened_mouth_comes_first_and_no_figure_follows():
    nv = Change(before=1.0, after=2.0, change=None, half_95=None, claimed=None)
    opened = joint(outcome=Outcome.OPENED, reason="the mouth is opened wider", nv_mm3=nv)
    said = list(change_words.sentences(opened))

    assert said[0] == "Mouth opened: the mouth is opened wider."
    assert not any("NV" in sentence for sentence in said[1:])


def test_a_size_has_no_sign_and_a_change_has_one():
    size = Row("condyle moved", "mm", None, None, 1.0, 0.2, True, signed=False)
    change = Row("NV", "mm³", 1.0, 5.0, 4.0, 9.0, False)

    assert change_words.cells(size)[3] == "1.0 ± 0.2"
    assert change_words.cells(change)[3:] == ("+4 ± 9", "mm³", change_words.NO_CHANGE)


def test_the_scale_of_changes_is_white_where_nothing_changed():
    paint = palette.SURFACE_CHANGE

    assert paint.low_mm == -paint.high_mm
    assert min(paint.colour(0.5)) > 240
    assert paint.colour(0.0)[0] > paint.colour(0.0)[2]
    assert paint.colour(1.0)[2] > paint.colour(1.0)[0]


def test_a_change_between_its_interval_and_a_claim_is_said_to_be_there():
    nv = Change.between((7000.0, 300.0), (7500.0, 300.0))
    row = Row.of("NV", "mm³", nv)

    assert nv.claimed is False
    assert change_words.cells(row)[-1] == change_words.BORDERLINE
    assert list(change_words.sentences(joint(nv_mm3=nv)))[-1] == (
        "Just beyond its interval, not claimed: NV (+500 ± 424 mm³)."
    )
