"""A report on stdout, as a table or as JSON."""

from __future__ import annotations

from rich.console import Console

from negvol_cli.cli.options import print_json
from negvol_cli.render.table import print_report
from negvol_cli.report import ScanReport
from negvol_cli.report_files import report_to_dict


def print_result(report: ScanReport, *, as_json: bool) -> None:
    """Print what was measured."""
    if as_json:
        print_json(report_to_dict(report))
    else:
        print_report(report, Console(soft_wrap=False))
