"""``negvol demo``: the whole method on a phantom head."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.loading import loading
from negvol_cli.cli.progress import progress


@click.command(short_help="Make a phantom head CT and measure it.")
@options.out("negvol-demo")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    help="Number that determines the phantom; each gives another head.",
)
@options.device
@options.bundle
@options.as_json
@options.quiet
def demo(
    *, out: Path, seed: int, device: str, bundle: str | None, as_json: bool, quiet: bool
) -> None:
    """Make a phantom head CT, measure it, and compare the result with the known truth."""
    with loading():
        from negvol_cli.bundle.store import find_bundle
        from negvol_cli.cli.output import print_demo
        from negvol_cli.demo import run_demo

    with progress(quiet) as report_progress:
        result = run_demo(
            out,
            options.settings_of(device=device),
            seed=seed,
            bundle=find_bundle(bundle),
            progress=report_progress,
        )
    print_demo(result, as_json=as_json)
