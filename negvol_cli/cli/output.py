"""A report on stdout, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from negvol_cli.cli.options import print_json
from negvol_cli.render.table import print_report
from negvol_cli.report import ScanReport
from negvol_cli.report_files import report_to_dict


def print_result(report: ScanReport, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Print what was measured on stdout and, on stderr, where the files below ``out`` lie."""
    if as_json:
        print_json(report_to_dict(report))
    else:
        print_report(report, Console())
    if out is not None and not quiet:
        click.echo(f"Pictures and files: {out / report.scan / 'report.html'}", err=True)
