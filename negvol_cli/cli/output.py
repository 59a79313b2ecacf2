"""Results on stdout, as tables or as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

from negvol_cli.cli.options import print_columns, print_json
from negvol_cli.render.table import print_report
from negvol_cli.render.words import MISSING
from negvol_cli.report import ScanReport
from negvol_cli.report_files import report_to_dict

if TYPE_CHECKING:
    from negvol_cli.demo import Comparison, Demo


WHY_DIFFERENT: Final = (
    "The networks learnt from real scans whose bone was outlined at about 250 HU, outside the\n"
    "phantom's true edge: here condyles come out too thick and joint spaces too narrow."
)


def print_result(report: ScanReport, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Print what was measured on stdout and, on stderr, where the files below ``out`` lie."""
    if as_json:
        print_json(report_to_dict(report))
    else:
        print_report(report, Console())
    if out is not None and not quiet:
        click.echo(f"Pictures and files: {out / report.scan / 'report.html'}", err=True)


def print_demo(demo: Demo, *, as_json: bool) -> None:
    """Print the phantom's report, and how far each figure is from the truth."""
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
    click.echo()
    print_columns([("figure", "measured", "truth", "difference"), *map(_cells, demo.comparisons)])
    click.echo(f"\n{WHY_DIFFERENT}")
    click.echo(f"\nPhantom scan: {demo.scan}\nPictures and files: {demo.folder / 'report.html'}")


def _cells(row: Comparison) -> tuple[str, str, str, str]:
    """A comparison as printed: volumes differ by per cent, all else by its own unit."""
    decimals = {"mm³": 0, "mm": 1}.get(row.unit, 3)
    unit = f" {row.unit}" if row.unit else ""
    truth = f"{row.truth:.{decimals}f}{unit}"
    if row.measured is None:
        return row.figure, MISSING, truth, MISSING
    difference = row.measured - row.truth
    if row.unit == "mm³":
        apart = f"{100 * difference / row.truth:+.1f} %"
    else:
        apart = f"{difference:+.{decimals}f}{unit}"
    return row.figure, f"{row.measured:.{decimals}f}{unit}", truth, apart
