"""``negvol run``: one scan, both joints."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.progress import progress


@click.command(short_help="Measure both joints in a scan.")
@click.argument("scan", type=options.PATH)
@options.out("negvol-results")
@options.device
@options.clip
@options.threads
@options.bundle
@options.overwrite
@click.option("--no-enhance", is_flag=True, help="Do not look for the thin fossa roof (step C).")
@options.as_json
@options.quiet
def run(
    *,
    scan: Path,
    out: Path,
    device: str,
    clip: str,
    threads: int | None,
    bundle: str | None,
    overwrite: bool,
    no_enhance: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure both joints in SCAN: NIfTI, NRRD, MHA, or a folder or zip of DICOM."""
    from negvol_cli.bundle_store import find_bundle
    from negvol_cli.cli.output import print_result
    from negvol_cli.config import ClipSettings, ClipShape, Device, Settings
    from negvol_cli.study import measure_scan

    settings = Settings(
        clip=ClipSettings(shape=ClipShape(clip)),
        device=Device(device),
        threads=threads,
        enhance=not no_enhance,
    )
    models = find_bundle(bundle)
    with progress(quiet) as report_progress:
        report = measure_scan(
            scan, out, settings, bundle=models, overwrite=overwrite, progress=report_progress
        )
    print_result(report, out, as_json=as_json, quiet=quiet)
