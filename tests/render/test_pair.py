from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.render.cuts import AXIAL
from negvol_cli.render.html import html
from negvol_cli.render.pair import (
    PairRow,
    PairSection,
    changed,
    pair_panel,
    pair_picture,
    pair_rows,
)
from negvol_cli.render.preview import WIDTH_PX
from negvol_cli.render.shown import Shown, both_sides
from negvol_cli.report import JointReport, ScanReport, Status
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

MakeView = Callable[..., JointView]


@pytest.fixture
def pair(report: ScanReport, make_view: MakeView) -> tuple[Shown, Shown]:
    """The right joint, and the same with 100 mm³ more NV."""
    joint, view = report.right, make_view(Side.RIGHT)
    more = replace(joint, nv_mm3=joint.nv_mm3 + 100.0)
    return Shown("automatic", joint, view), Shown("corrected", more, view)


def test_both_results_are_drawn_as_left_and_right_are(pair: tuple[Shown, Shown]):
    picture = np.asarray(pair_picture("Right joint", *pair).convert("L"))
    dark = picture < 20

    assert picture.shape[1] == WIDTH_PX
    assert dark[:, : WIDTH_PX // 2].mean() > 0.25
    assert dark[:, WIDTH_PX // 2 :].mean() > 0.25


def test_each_line_below_the_picture_has_room(pair: tuple[Shown, Shown]):
    bare = pair_picture("Right joint", *pair)
    lines = pair_picture("Right joint", *pair, scan="head 7", lines=("one", "two"))

    assert lines.height == bare.height + 2 * 32


def test_rows_say_what_changed(pair: tuple[Shown, Shown]):
    rows = {row.name: row for row in pair_rows(*pair)}

    assert rows["Negative volume (NV)"] == PairRow(
        "Negative volume (NV)", "mm³", "2315", "2415", "+100"
    )
    assert rows["Joint space, superior"].change == "0.0"
    assert rows["Joint space, lateral"].change == "–"


@pytest.mark.parametrize(
    ("first", "second", "decimals", "text"),
    [(1.0, 1.25, 1, "+0.2"), (1.25, 1.0, 1, "-0.2"), (3.0, 3.01, 1, "0.0"), (None, 1.0, 0, "–")],
)
def test_a_change_has_its_sign(first, second, decimals, text):
    assert changed(first, second, decimals) == text


def test_two_results_are_cut_at_one_place(report: ScanReport, make_view: MakeView):
    view = make_view(Side.LEFT)
    shown = Shown("after", report.left, view, about_mm=(3.0, -2.0, 6.0))
    off = np.asarray(shown.cut(AXIAL, 200)).astype(float)
    centred = np.asarray(replace(shown, about_mm=None).cut(AXIAL, 200)).astype(float)

    # 5 mm above the centre a ball of 7 mm is 4.9 mm wide, so its outline moves inward
    assert np.abs(off - centred).max() > 100


def test_a_result_without_a_picture_says_why(report: ScanReport, make_view: MakeView):
    missing = JointReport(side=Side.RIGHT, status=Status.CUT, reason="it ends 12 mm short")
    panel = pair_panel(
        "Right joint",
        Shown("before", report.right, make_view(Side.RIGHT)),
        Shown("after", missing, None),
        notes=("operated",),
        solid=False,
    )

    assert panel.first.cuts
    assert panel.first.figure is None
    assert panel.second.cuts == ()
    assert "12 mm short" in panel.second.absence
    assert panel.notes == ("operated",)


def test_the_page_shows_a_section_of_pairs_first(
    report: ScanReport, make_view: MakeView, pair: tuple[Shown, Shown]
):
    section = PairSection("What was <changed>", ("by A & B",), (pair_panel("Right joint", *pair),))
    text = html(report, {Side.RIGHT: make_view(Side.RIGHT)}, section=section)

    assert "What was &lt;changed&gt;" in text
    assert "by A &amp; B" in text
    assert text.index("pairs-title") < text.index("asymmetry-title")
    assert '<td class="figure">+100</td>' in text
    assert "pairs-title" not in html(report, {})


def test_outlines_beneath_have_the_name_that_the_view_gives(
    report: ScanReport, make_view: MakeView
):
    view = make_view(Side.LEFT)
    named = replace(
        view, reference_zyx=np.zeros(view.hu_zyx.shape, np.uint8), reference_name="automatic"
    )
    text = html(report, {Side.LEFT: named})

    assert "automatic: condyle, bone" in text
    assert "automatic condyle" in text


def test_both_sides_are_titled_by_side(report: ScanReport):
    assert [shown.title for shown in both_sides(report, {})] == ["Right joint", "Left joint"]
