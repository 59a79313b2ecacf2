"""``negvol run``: measure both joints of one scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from negvol_cli.cli import options
from negvol_cli.cli.loading import loading
from negvol_cli.cli.progress import progress

if TYPE_CHECKING:
    from negvol_cli.io.source import Privacy
    from negvol_cli.settings import Settings


@click.command(short_help="Measure both joints in a scan.")
@click.argument("scan", type=options.PATH)
@options.out("negvol-results")
@options.settings
@options.bundle
@options.reference
@click.option(
    "--series",
    metavar="KEY|NUMBER|list",
    help="DICOM series to measure; 'list' lists them.  [default: the most suitable]",
)
@options.dicom_out
@options.privacy
@options.overwrite
@options.as_json
@options.quiet
def run(
    *,
    scan: Path,
    out: Path,
    settings: Settings,
    bundle: str | None,
    references: tuple[Path, ...],
    series: str | None,
    dicom_out: bool,
    privacy: Privacy,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure both joints in SCAN: NIfTI, NRRD, MHA, or a folder or zip of DICOM.

    A result is named after its image file; that of a DICOM series by what identifies no patient.
    """
    if series == "list":
        from negvol_cli.cli.series_text import print_series

        print_series(scan, as_json=as_json)
        return
    as_dicom = options.dicom_writer(dicom_out, privacy, quiet=quiet)
    with loading():
        from negvol_cli.io.reading import Reading
        from negvol_cli.io.source import take_in

        # scan and networks are read while the rest of the program is loaded, which takes as long
        reading = Reading(take_in(scan, series, privacy))

        from negvol_cli.bundle.store import find_bundle
        from negvol_cli.run import begin_models

        models = begin_models(find_bundle(bundle), settings, reading.watch)

        from negvol_cli.cli.output import print_result
        from negvol_cli.study import measure_scan

    with progress(quiet) as report_progress:
        report = measure_scan(
            reading,
            out,
            settings,
            models=models,
            references=references,
            overwrite=overwrite,
            progress=report_progress,
            dicom_out=as_dicom,
        )
    print_result(report, out, as_json=as_json, quiet=quiet)
