"""The files that a batch writes beside its results, each complete or absent.

``summary.csv`` has a row per joint of every scan with a valid result, ``failures.csv`` a row per
scan that failed, ``found.csv`` a row per scan and per item left out. Paths are those of the user's
folders, relative to the folder that was searched; no header value is in them.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from negvol_cli.errors import OutputError
from negvol_cli.io.output_folder import name_beside
from negvol_cli.io.report_files import csv_cell, csv_rows
from negvol_cli.report import FailureRow, SummaryRow

SUMMARY: Final = "summary.csv"
FAILURES: Final = "failures.csv"
FOUND: Final = "found.csv"
PAGE: Final = "summary.html"

FAILURE_COLUMNS: Final = ("file", "step", "reason")
FOUND_COLUMNS: Final = ("file", "scan", "outcome", "reason")


def write_summary(rows: Sequence[SummaryRow], out: Path) -> None:
    """Write ``summary.csv``. Raises OutputError if it cannot be written."""
    lines = (
        {"outcome": str(row.outcome), **joint, "revisions": " ".join(row.revisions)}
        for row in rows
        for joint in csv_rows(row.report)
    )
    first = next(lines, None)
    columns = ["outcome", "scan", "side", "status"] if first is None else list(first)
    write_whole(out / SUMMARY, _csv(columns, chain([] if first is None else [first], lines)))


def write_failures(failures: Iterable[FailureRow], out: Path) -> None:
    """Write ``failures.csv``. Raises OutputError if it cannot be written."""
    lines = [{name: getattr(failure, name) for name in FAILURE_COLUMNS} for failure in failures]
    write_whole(out / FAILURES, _csv(FAILURE_COLUMNS, lines))


def write_found(lines: Iterable[Mapping[str, str]], out: Path) -> None:
    """Write ``found.csv``. Raises OutputError if it cannot be written."""
    write_whole(out / FOUND, _csv(FOUND_COLUMNS, lines))


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place, then rename it. Raises OutputError if that fails."""
    part = name_beside(path)
    try:
        with part.open("x", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as err:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path} ({err.strerror}): make room, or close it in other programs, then "
            "give the same command again"
        ) from err


def _csv(columns: Sequence[str], lines: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: csv_cell(value) for name, value in line.items()})
    return text.getvalue()
