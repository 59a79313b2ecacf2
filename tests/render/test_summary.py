"""summary.html without a browser: every scan, every figure, and text where text is meant."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from negvol_cli.render.histogram import WIDTH, histogram
from negvol_cli.render.summary import COLUMNS, render_summary
from negvol_cli.report import FailureRow, ScanReport, SummaryRow

FAILURE = FailureRow(
    file="in/knee.nii.gz", step="localise", reason="no jaw joint was found: give a head CT"
)


class Page(HTMLParser):
    """The cells of the table's rows, and every link and source."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data


def test_a_scan_is_a_row_with_its_figures_and_a_link(report: ScanReport):
    sound = replace(report, flags=(), right=replace(report.right, flags=()))
    page = Page(render_summary([SummaryRow(folder="head 7", report=sound)], []))

    headings, row = page.rows
    assert len(headings) == len(row) == len(COLUMNS)
    assert row == ["head 7", "ok", "2315", "1922", "9.3", "right", "1205", "1410", "7.8", ""]
    assert "./head%207/report.html" in page.links


def test_flags_and_what_is_wrong_with_a_joint_are_told(report: ScanReport, one_joint: ScanReport):
    rows = [SummaryRow(folder="a", report=report), SummaryRow(folder="b", report=one_joint)]
    _, flagged, cut = Page(render_summary(rows, [])).rows

    assert flagged[1] == cut[1] == "flagged"
    assert flagged[-1] == "slices are 3.0 mm thick; right joint: the meshes touch"
    assert cut[3:6] == ["–", "–", "–"]
    assert cut[-1].startswith("left joint cut by the field of view: it ends 12 mm short")


def test_a_failure_is_a_row_without_a_link(report: ScanReport):
    page = Page(render_summary([SummaryRow(folder="a", report=report)], [FAILURE]))

    assert page.rows[-1] == [
        "in/knee.nii.gz",
        "failed",
        "–",
        "–",
        "–",
        "–",
        "–",
        "–",
        "–",
        "localise: no jaw joint was found: give a head CT",
    ]
    assert [link for link in page.links if link.startswith("./")] == ["./a/report.html"]


def test_a_batch_in_which_everything_failed_still_has_a_page():
    text = render_summary([], [FAILURE])

    assert len(Page(text).rows) == 2
    assert "<svg" not in text


def test_names_cannot_become_markup_or_another_address(report: ScanReport):
    evil = '"><script>alert(1)</script>'
    row = SummaryRow(folder="javascript:alert(1)", report=replace(report, scan=evil))
    failure = replace(FAILURE, file=evil, reason=evil)

    text = render_summary([row], [failure])
    page = Page(text)

    assert evil not in text
    assert page.rows[1][0] == evil
    assert text.count("<script") == 1
    assert "./javascript%3Aalert%281%29/report.html" in page.links


def test_nothing_on_the_page_comes_from_elsewhere(report: ScanReport):
    text = render_summary([SummaryRow(folder="a", report=report)], [FAILURE])

    assert set(Page(text).links) == {"data:,", "./a/report.html"}
    assert not re.search(r"https?:|url\(|@import|fetch\(", text)


def test_two_thousand_scans_make_a_page_under_two_megabytes(report: ScanReport):
    rows = [SummaryRow(folder=f"scan {i}", report=report) for i in range(2000)]

    text = render_summary(rows, [])

    assert len(text.encode()) < 2e6
    assert len(Page(text).rows) == 2001


def test_the_bars_hold_every_scan_about_zero():
    found = histogram([-12.0, -3.0, -2.5, 0.0, 0.2, 7.0])

    assert sum(bar.count for bar in found.bars) == found.values == 6
    assert max(bar.count for bar in found.bars) == found.most
    for bar in found.bars:
        zero_px, px_per_percent = WIDTH / 2, bar.width / (bar.high - bar.low)
        assert bar.left == pytest.approx(zero_px + bar.low * px_per_percent)
    assert [tick.text for tick in found.ticks if tick.left == WIDTH / 2] == ["0"]
    assert all(0 <= tick.left <= WIDTH for tick in found.ticks)


@pytest.mark.parametrize(
    "signed", [[0.0], [100.0, -100.0], [0.001] * 5, [5.0, -5.0], [20.0], [-30.0]]
)
def test_whatever_the_spread_no_scan_falls_off_the_ends(signed: list[float]):
    found = histogram(signed)

    assert sum(bar.count for bar in found.bars) == len(signed)


def test_median_and_quartiles_are_those_of_the_amounts():
    found = histogram([-4.0, 1.0, 2.0, -3.0, 5.0])

    assert found.median == 3.0
    assert found.quartiles == (2.0, 4.0)


def test_no_asymmetry_at_all_has_no_bars():
    assert histogram([]) is None


def test_revisions_are_listed(report: ScanReport):
    row = SummaryRow(folder="a", report=report, revisions=("001", "002"))
    notes = Page(render_summary([row], [])).rows[1][-1]

    assert "corrected by hand: revisions/001" in notes
    assert "corrected by hand: revisions/002" in notes
