"""``negvol batch``: measure every scan below a folder."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options


@click.command(short_help="Measure every scan below a folder.")
@click.argument("folder", type=options.PATH)
@options.out("negvol-results")
@options.device
@options.clip
@options.threads
@options.bundle
@options.no_enhance
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
@click.option(
    "--scheduler", metavar="ADDRESS", help="Address of a Dask scheduler, such as tcp://host:8786."
)
@options.keep_patient_id
@options.pseudonym_key
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
    device: str,
    clip: str,
    threads: int | None,
    bundle: str | None,
    no_enhance: bool,
    resume: bool,
    jobs: int,
    scheduler: str | None,
    keep_patient_id: bool,
    pseudonym_key: Path | None,
    limit: int | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure every scan below FOLDER: NIfTI, NRRD, MHA, DICOM series, and zips of them.

    Ctrl-C stops after the current scan; run the same command again to continue. Exit code 5 means
    that some scans failed.
    """
    from negvol_cli.batch import Cluster, Processes, discover, job_for, run_batch, threads_each
    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.cli import batch_output
    from negvol_cli.cli.batch_progress import batch_progress, looking, stop_on_ctrl_c

    privacy = options.privacy_of(keep_patient_id, pseudonym_key, out)
    settings = options.settings_of(
        device=device,
        clip=clip,
        threads=threads or (None if scheduler else threads_each(jobs)),
        no_enhance=no_enhance,
    )
    job = job_for(
        out, settings, find_bundle(bundle), resume=resume, keep_patient_id=keep_patient_id
    )
    engine = Cluster(scheduler) if scheduler and not dry_run else Processes(jobs)
    with looking(quiet or privacy.pseudonyms is not None) as look:
        names = privacy.pseudonyms
        discovery = discover(folder, out, look, names.name_for if names else None)
    batch_output.print_discovery(discovery, folder, quiet=quiet)
    if dry_run:
        batch_output.print_dry_run(discovery, as_json=as_json)
        return
    with stop_on_ctrl_c() as stop, batch_progress(limit, quiet) as on_result:
        result = run_batch(
            discovery,
            job,
            engine,
            limit=limit,
            stop=stop,
            on_result=on_result,
            pseudonyms=privacy.pseudonyms,
        )
    batch_output.print_batch(result, out, as_json=as_json, quiet=quiet)
    batch_output.raise_for(result, limited=limit is not None)
