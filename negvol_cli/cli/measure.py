"""``negvol measure``: measure an existing segmentation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.private import WrongUsage
from negvol_cli.cli.progress import progress
from negvol_cli.structures import Side


@click.command(short_help="Measure an existing segmentation.")
@click.argument("labels", type=options.PATH)
@click.option(
    "--side",
    type=click.Choice([str(s) for s in Side]),
    help="Side of the joint, if LABELS contains one.",
)
@click.option(
    *("--of", "of"),
    type=options.PATH,
    metavar="RESULT",
    help="The result that LABELS correct; CT and settings are its, and it keeps the revision.",
)
@click.option(
    "--scan",
    type=options.PATH,
    metavar="CT",
    help="The CT of LABELS, without --of: for field of view, checks and intervals.",
)
@click.option("--by", default="", metavar="TEXT", help="Who corrected it, for the revision.")
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
    of: Path | None,
    scan: Path | None,
    by: str,
    out: Path | None,
    clip: str,
    sphere_mm: float | None,
    references: tuple[Path, ...],
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure the joints in the segmentation LABELS; no network is needed.

    LABELS holds one joint (1 condyle, 2 temporal bone; give --side) or both (1 and 2 right,
    4 and 5 left). With --of it is a corrected outline of a result of negvol run: its
    edit/SIDE.seg.nrrd or labels.nii.gz, edited. Segments with names go by these. Without --of
    and --scan the report says what is missing.
    """
    from negvol_cli.cli.output import print_result, print_revision
    from negvol_cli.correction import correct, refuse_settings
    from negvol_cli.study import measure_labels

    settings = options.settings_of(clip=clip, sphere_mm=sphere_mm)
    whose = Side(side) if side else None
    if of is not None:
        refuse_settings(settings, {"the output folder": out, "references": references, "CT": scan})
        with progress(quiet) as told:
            revision = correct(labels, of, by=by, side=whose, progress=told)
        return print_revision(revision, as_json=as_json, quiet=quiet)
    if by:
        raise WrongUsage("--by belongs to a correction: give the result with --of")
    measured = partial(measure_labels, labels, out, settings, scan=scan, side=whose)
    with progress(quiet) as told:
        report = measured(references=references, overwrite=overwrite, progress=told)
    return print_result(report, out, as_json=as_json, quiet=quiet)
