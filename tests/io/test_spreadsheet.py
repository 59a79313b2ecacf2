"""No text in a CSV is run by a spreadsheet, in whatever country, or by a terminal."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import pytest

from negvol_cli.batch.tables import write_found
from negvol_cli.io.spreadsheet import as_text

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
NASTY = [
    *(f"{sign}1+1" for sign in SIGNS),
    *(f"{before}=cmd|'/c calc'!A1" for before in ("", " ", "\t", "\n", "\r\n", "\u00a0", '"')),
    *(f"a{parted}{blank}@SUM(1)" for parted in ";,\t|" for blank in ("", " ", "  ")),
    'a";=1+1;"b',
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_no_cell_begins_a_formula_wherever_cells_are_parted(
    tmp_path: Path, text: str, delimiter: str
) -> None:
    write_found([{"file": text, "scan": "a", "outcome": "ok", "reason": text}], tmp_path)
    written = (tmp_path / "found.csv").read_text(encoding="utf-8")

    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        rows = csv.reader(io.StringIO(written), delimiter=delimiter, quoting=quoting)
        for cell in itertools.chain.from_iterable(rows):
            begin = cell.strip().lstrip('"?').strip()[:1]
            assert begin not in tuple(SIGNS), cell


@pytest.mark.parametrize(
    "text", ["a-b", "x = 3", "Müller, Anna", "2 + 2", "", "頭部", "'=1", "5;6"]
)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert as_text(text) == text


@pytest.mark.parametrize("text", NASTY)
def test_a_text_made_harmless_stays_so(text: str) -> None:
    assert as_text(as_text(text)) == as_text(text)


def test_what_a_terminal_would_obey_is_not_written() -> None:
    assert as_text("a\x1b]0;title\x07b\x9b31m\u202ec\udcff") == "a?]0;title?b?31m?c?"
