"""Results on stdout, as tables or as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from negvol_cli.cli.options import print_columns, print_json
from negvol_cli.cli.printing import say
from negvol_cli.cli.private import place
from negvol_cli.io.report_files import report_to_dict
from negvol_cli.render.table import print_report
from negvol_cli.render.words import MISSING
from negvol_cli.report import ScanReport

if TYPE_CHECKING:
    from negvol_cli.correction import Revision
    from negvol_cli.demo import Comparison, Demo


COLUMNS: Final = ("figure", "measured", "true", "off by")


def print_result(report: ScanReport, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Print the measurements on stdout and the location of the files on stderr."""
    if as_json:
        print_json(report_to_dict(report))
    else:
        print_report(report, Console())
    if out is not None and not quiet:
        say(f"Pictures and files: {place(out, report.scan, 'report.html')}", err=True)


def print_revision(revision: Revision, *, as_json: bool, quiet: bool) -> None:
    """Print a correction's measurements on stdout; what changed and where it lies on stderr."""
    print_result(revision.report, None, as_json=as_json, quiet=quiet)
    if not quiet:
        for line in revision.changes:
            say(line, err=True)
        say(f"Revision: {revision.folder / 'report.html'}", err=True)


def print_demo(demo: Demo, *, as_json: bool) -> None:
    """Print the phantom's report, and how far each measurement is from the truth."""
    if as_json:
        print_json(
            {
                "report": report_to_dict(demo.report),
                "comparisons": [asdict(comparison) for comparison in demo.comparisons],
                "scan": str(demo.scan),
                "folder": str(demo.folder),
            }
        )
        return
    print_report(demo.report, Console())
    say()
    print_columns([COLUMNS, *map(_cells, demo.comparisons)])
    say(f"\nPhantom scan: {demo.scan}\nPictures and files: {demo.folder / 'report.html'}")


def _cells(row: Comparison) -> tuple[str, ...]:
    """A comparison as printed: volumes are off by per cent, all else by its own unit."""
    return (row.figure, _value(row.measured, row), _value(row.truth, row), _off(row))


def _value(value: float | None, row: Comparison) -> str:
    return MISSING if value is None else f"{value:.{_decimals(row)}f} {row.unit}".rstrip()


def _off(row: Comparison) -> str:
    if row.measured is None:
        return MISSING
    difference = row.measured - row.truth
    if row.unit == "mm³":
        return f"{100 * difference / row.truth:+.1f} %"
    return f"{difference:+.{_decimals(row)}f} {row.unit}".rstrip()


def _decimals(row: Comparison) -> int:
    return {"mm³": 0, "mm": 1}.get(row.unit, 3)
