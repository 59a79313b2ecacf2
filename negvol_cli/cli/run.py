"""``negvol run``: measure both joints of one scan."""

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
@options.reference
@click.option(
    "--series",
    metavar="KEY|NUMBER|list",
    help="DICOM series to measure; 'list' lists them.  [default: the most suitable]",
)
@options.keep_patient_id
@options.pseudonym_key
@options.overwrite
@options.no_enhance
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
    references: tuple[Path, ...],
    series: str | None,
    keep_patient_id: bool,
    pseudonym_key: Path | None,
    overwrite: bool,
    no_enhance: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure both joints in SCAN: NIfTI, NRRD, MHA, or a folder or zip of DICOM.

    The result of an image file is named after the file; that of a DICOM series gets a name that
    does not identify the patient.
    """
    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.cli.output import print_result
    from negvol_cli.cli.series_text import print_series
    from negvol_cli.io.source import take_in
    from negvol_cli.study import measure_scan

    privacy = options.privacy_of(keep_patient_id, pseudonym_key, out)
    if series == "list":
        print_series(scan, as_json=as_json)
        return
    settings = options.settings_of(device=device, clip=clip, threads=threads, no_enhance=no_enhance)
    models = find_bundle(bundle)
    with progress(quiet) as report_progress:
        report = measure_scan(
            take_in(scan, series, privacy),
            out,
            settings,
            bundle=models,
            references=references,
            overwrite=overwrite,
            progress=report_progress,
        )
    print_result(report, out, as_json=as_json, quiet=quiet)
