"""``negvol measure``: measure an existing segmentation."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.progress import progress
from negvol_cli.structures import Side


@click.command(short_help="Measure an existing segmentation.")
@click.argument("labels", type=options.PATH)
@click.option(
    "--side",
    type=click.Choice([str(s) for s in Side]),
    help="Side of the joint, if LABELS contains one.",
)
@options.out(None)
@options.clip
@options.sphere_mm
@options.reference
@options.overwrite
@options.as_json
@options.quiet
def measure(
    *,
    labels: Path,
    side: str | None,
    out: Path | None,
    clip: str,
    sphere_mm: float | None,
    references: tuple[Path, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the joints in the label map LABELS; neither a CT nor a network is needed.

    LABELS holds one joint (1 condyle, 2 temporal bone; give --side) or both (1 and 2 right,
    4 and 5 left).
    """
    from negvol_cli.cli.output import print_result
    from negvol_cli.study import measure_labels

    settings = options.settings_of(clip=clip, sphere_mm=sphere_mm)
    with progress(quiet) as report_progress:
        report = measure_labels(
            labels,
            out,
            settings,
            side=Side(side) if side else None,
            references=references,
            overwrite=overwrite,
            progress=report_progress,
        )
    print_result(report, out, as_json=as_json, quiet=quiet)
