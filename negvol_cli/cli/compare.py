"""``negvol compare``: two results of one patient."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.progress import progress


@click.command(short_help="Compare two results of one patient.")
@click.argument("before", type=options.PATH)
@click.argument("after", type=options.PATH)
@options.out("negvol-comparisons")
@options.overwrite
@options.as_json
@options.quiet
def compare(
    *, before: Path, after: Path, out: Path, overwrite: bool, as_json: bool, quiet: bool
) -> None:
    """Compare the result folders BEFORE and AFTER of two scans of one patient.

    AFTER is laid onto BEFORE by the cranial base about each joint. Every change, AFTER minus
    BEFORE, stands beside its 95 % interval. Results that do not fit each other are refused.
    """
    from negvol_cli.cli.comparison_text import print_comparison
    from negvol_cli.follow_up import compare as compare_folders

    with progress(quiet) as report_progress:
        found = compare_folders(before, after, out, overwrite=overwrite, progress=report_progress)
    print_comparison(found, out, as_json=as_json, quiet=quiet)
