"""``negvol batch``: measure every scan below a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from negvol_cli.cli import options
from negvol_cli.cli.cluster import ClusterAccess, cluster

if TYPE_CHECKING:
    from negvol_cli.batch import BatchResult, Discovery, Engine, Job
    from negvol_cli.io.source import Privacy
    from negvol_cli.settings import Settings


@click.command(short_help="Measure every scan below a folder.")
@click.argument("folder", type=options.PATH)
@options.out("negvol-results")
@options.settings
@options.bundle
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Keep results made from the same input, models and settings.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Scans measured at the same time, each in its own process.",
)
@cluster
@options.dicom_out
@options.privacy
@click.option(
    "--limit", type=click.IntRange(min=1), help="Measure at most this many scans, then stop."
)
@click.option(
    "--dry-run", is_flag=True, help="List the scans that would be measured, and measure none."
)
@options.as_json
@options.quiet
def batch(
    *,
    folder: Path,
    out: Path,
    settings: Settings,
    bundle: str | None,
    resume: bool,
    jobs: int,
    cluster: ClusterAccess | None,
    dicom_out: bool,
    privacy: Privacy,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure every scan below FOLDER: NIfTI, NRRD, MHA, DICOM series, and zips of them.

    Ctrl-C stops after the current scan; the same command goes on. Exit code 5: some scans failed.
    """
    from negvol_cli.batch import Processes, job_for, threads_each
    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.cli import batch_output

    job = job_for(
        out,
        replace(settings, threads=settings.threads or (None if cluster else threads_each(jobs))),
        find_bundle(bundle),
        resume=resume,
        keep_patient_id=privacy.keep_patient_id,
        dicom_out=options.dicom_writer(dicom_out, privacy, quiet=quiet or dry_run),
    )
    engine = cluster.connect() if cluster and not dry_run else Processes(jobs)
    discovery = _search(folder, out, privacy, quiet)
    if dry_run:
        batch_output.print_dry_run(discovery, as_json=as_json)
        return
    result = _measure(discovery, job, engine, privacy, limit=limit, quiet=quiet)
    batch_output.print_batch(result, out, as_json=as_json, quiet=quiet)
    batch_output.raise_for(result, limited=limit is not None)


def _search(folder: Path, out: Path, privacy: Privacy, quiet: bool) -> Discovery:
    """Search ``folder`` and say what was found and what is left out."""
    from negvol_cli.batch import discover
    from negvol_cli.cli import batch_output
    from negvol_cli.cli.batch_progress import looking

    names = privacy.pseudonyms
    with looking(quiet or names is not None) as look:
        discovery = discover(folder, out, look, names.name_for if names else None)
    batch_output.print_discovery(discovery, folder, quiet=quiet)
    return discovery


def _measure(
    discovery: Discovery,
    job: Job,
    engine: Engine,
    privacy: Privacy,
    *,
    limit: int | None,
    quiet: bool,
) -> BatchResult:
    """Measure what was found, with progress, until it is done or Ctrl-C stops it."""
    from negvol_cli.batch import run_batch
    from negvol_cli.cli.batch_progress import batch_progress, stop_on_ctrl_c

    with stop_on_ctrl_c() as stop, batch_progress(limit, quiet) as on_result:
        return run_batch(
            discovery,
            job,
            engine,
            limit=limit,
            stop=stop,
            on_result=on_result,
            pseudonyms=privacy.pseudonyms,
        )
