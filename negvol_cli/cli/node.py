"""``negvol node``: receive studies from a PACS, measure them, and store the results back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from negvol_cli.cli import network, options
from negvol_cli.cli.printing import say
from negvol_cli.cli.private import hush

if TYPE_CHECKING:
    from negvol_cli.node.address import Address
    from negvol_cli.node.listening import Listening
    from negvol_cli.node.serving import Keeping
    from negvol_cli.node.tls import Tls
    from negvol_cli.settings import Settings


@click.command(short_help="Measure what a PACS sends, and store the results back.")
@network.address("--store-to", required=True, help="Where the results are stored.")
@network.own_title
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=11112,
    show_default=True,
    help="Port to listen on.",
)
@click.option(
    "--listen",
    "host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Network address to listen on; 0.0.0.0 for all.",
)
@click.option(
    "--allow",
    metavar="AET",
    multiple=True,
    callback=network.titles,
    help="AE title that may send; give it again for others.  [default: that of --store-to]",
)
@click.option(
    "--spool",
    type=options.PATH,
    default="negvol-node",
    show_default=True,
    help="Folder for images, results and the audit log.",
)
@click.option(
    "--quiet-seconds",
    type=click.FloatRange(1.0, 86400.0),
    default=60.0,
    show_default=True,
    help="A study is measured when nothing more of it has come for so long.",
)
@click.option(
    "--max-spool-gb",
    type=click.FloatRange(min=0.001),
    default=50.0,
    show_default=True,
    help="Disk space for images and results; finished studies go first, then images are refused.",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0.0),
    default=7.0,
    show_default=True,
    help="How long images and results of finished studies are kept.",
)
@click.option(
    "--max-associations",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="Associations at the same time.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Studies measured at the same time, each in its own process.",
)
@network.tls
@options.settings
@options.bundle
@options.quiet
def node(
    *,
    store_to: Address,
    aet: str,
    allow: tuple[str, ...],
    spool: Path,
    jobs: int,
    tls: Tls | None,
    settings: Settings,
    bundle: str | None,
    quiet: bool,
    **limits: Any,
) -> None:
    """Be a DICOM node that measures what it is sent and stores SEG, SR and PDF back.

    Ctrl-C ends it at any moment; the same command goes on where it was.
    """
    from negvol_cli.batch import Processes, job_for, threads_each
    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.dicom_out.writing import dicom_out
    from negvol_cli.node.peer import Peer
    from negvol_cli.node.serving import serve

    hush()
    where = _listening(aet, allow or (store_to.title,), tls, limits)
    keeping = _keeping(spool, limits)
    job = job_for(
        keeping.results,
        replace(settings, threads=settings.threads or threads_each(jobs)),
        find_bundle(bundle),
        dicom_out=dicom_out,
    )
    peer = Peer(address=store_to, own_title=aet, tls=tls)
    serve(where, keeping, peer, (job, Processes(jobs)), _line if not quiet else _nothing)


def _listening(
    title: str, callers: tuple[str, ...], tls: Tls | None, limits: dict[str, Any]
) -> Listening:
    from negvol_cli.node.listening import Listening

    return Listening(
        title=title,
        host=limits["host"],
        port=limits["port"],
        callers=callers,
        most_associations=limits["max_associations"],
        tls=None if tls is None else tls.for_server(),
    )


def _keeping(folder: Path, limits: dict[str, Any]) -> Keeping:
    from negvol_cli.node.serving import Keeping

    return Keeping(
        folder=folder,
        most_bytes=int(limits["max_spool_gb"] * 1e9),
        days=limits["keep_days"],
        quiet_s=limits["quiet_seconds"],
    )


def _line(event: str, said: dict[str, Any]) -> None:
    say(f"{event}: " + ", ".join(f"{name} {value}" for name, value in said.items()), err=True)


def _nothing(_event: str, _said: dict[str, Any]) -> None:
    """Print nothing."""
