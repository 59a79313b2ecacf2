"""summary.html: a batch on one page that can be sorted, searched and filtered.

The page is one file; the reports and previews that it links to lie in the folders beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from negvol_cli.render import palette, words
from negvol_cli.render.histogram import HEIGHT, WIDTH, histogram
from negvol_cli.render.templating import templates, trusted
from negvol_cli.report import Asymmetry, FailureRow, Outcome, ScanReport, SummaryRow
from negvol_cli.settings import RESEARCH_USE


@dataclass(frozen=True, slots=True)
class Column:
    """A sortable column; ``figure`` columns start with the largest value."""

    name: str
    unit: str = ""
    figure: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell, and the value to sort by (None: last in either direction)."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A scan as shown; ``folder`` is the quoted name of its result, empty where there is none."""

    name: str
    folder: str
    outcome: str
    cells: tuple[Cell, ...]
    larger: str
    notes: tuple[str, ...]


COLUMNS: Final = (
    Column("Scan", figure=False),
    Column("Status", figure=False),
    Column("NV right", "mm³"),
    Column("NV left", "mm³"),
    Column("NV asymmetry", "%"),
    Column("Larger", figure=False),
    Column("Articular NV right", "mm³"),
    Column("Articular NV left", "mm³"),
    Column("Articular asymmetry", "%"),
    Column("Notes", figure=False),
)
_OUTCOMES: Final = {
    Outcome.OK: "measured, nothing flagged",
    Outcome.FLAGGED: "measured, with flags",
    Outcome.FAILED: "failed",
}


def render_summary(rows: Sequence[SummaryRow], failures: Sequence[FailureRow]) -> str:
    """Return the page of a batch, with styles and script inside. Every text is escaped."""
    lines = [*map(_line, rows), *map(_failure, failures)]
    count = Counter(line.outcome for line in lines)
    asymmetries = [row.report.nv_asymmetry for row in rows]
    return (
        templates()
        .get_template("summary.html.j2")
        .render(
            lines=lines,
            columns=COLUMNS,
            outcomes=[(str(o), text, count[str(o)]) for o, text in _OUTCOMES.items()],
            histogram=histogram([100 * a.signed for a in asymmetries if a is not None]),
            formula=Asymmetry.FORMULAS["habets_percent"],
            width=WIDTH,
            height=HEIGHT,
            palette=palette,
            missing=words.MISSING,
            research_use=RESEARCH_USE,
            styles=trusted("page.css", "summary.css"),
            script=trusted("summary.js"),
        )
    )


def _line(row: SummaryRow) -> Line:
    report = row.report
    nv, articular = report.nv_asymmetry, report.articular_nv_asymmetry
    return Line(
        name=words.plain(report.scan),
        folder=quote(row.folder, safe=""),
        outcome=str(row.outcome),
        cells=(
            _mm3(report.right.nv_mm3),
            _mm3(report.left.nv_mm3),
            _percent(nv),
            _mm3(report.right.articular_nv_mm3),
            _mm3(report.left.articular_nv_mm3),
            _percent(articular),
        ),
        larger=words.larger(nv, report.nv_asymmetry_points).removesuffix(" larger"),
        notes=(*_notes(report), *_revisions(row)),
    )


def _failure(failure: FailureRow) -> Line:
    note = words.plain(f"{failure.step}: {failure.reason}")
    none = Cell(words.MISSING)
    return Line(
        name=words.plain(failure.file),
        folder="",
        outcome=str(Outcome.FAILED),
        cells=(none,) * 6,
        larger=words.MISSING,
        notes=(note,),
    )


def _notes(report: ScanReport) -> list[str]:
    unsure = [
        f"{joint.side} joint {words.plain(joint.status_text)}"
        for joint in report.joints
        if not words.is_ok(joint)
    ]
    return unsure + [
        flag if concern == "scan" else f"{concern}: {flag}" for concern, flag in words.flags(report)
    ]


def _revisions(row: SummaryRow) -> list[str]:
    """Where a person's corrections lie; the row's figures are the automatic ones."""
    return [f"corrected by hand: revisions/{number}" for number in row.revisions]


def _mm3(value: float | None) -> Cell:
    return Cell(words.mm3(value), value)


def _percent(asymmetry: Asymmetry | None) -> Cell:
    value = None if asymmetry is None else asymmetry.habets_percent
    return Cell(words.number(value, 1), value)
