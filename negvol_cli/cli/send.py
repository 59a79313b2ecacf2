"""``negvol send``: the DICOM objects of a result, sent to a PACS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from negvol_cli.cli import network, options
from negvol_cli.cli.printing import say

if TYPE_CHECKING:
    from negvol_cli.node.address import Address
    from negvol_cli.node.tls import Tls


@click.command(short_help="Send the DICOM objects of a result to a PACS.")
@click.argument("result", type=options.PATH)
@network.address("--to", required=True, help="The PACS or other DICOM node.")
@network.own_title
@network.tls
@click.option(
    "--retries",
    type=click.IntRange(0, 20),
    default=3,
    show_default=True,
    help="Further tries, with growing pauses, where the other side cannot be reached.",
)
@options.quiet
def send(
    *, result: Path, to: Address, aet: str, tls: Tls | None, retries: int, quiet: bool
) -> None:
    """Send what 'negvol run --dicom-out' has written into RESULT/dicom (C-STORE).

    Sending it again is harmless: the objects keep their UIDs.
    """
    from negvol_cli.node.contexts import name_of
    from negvol_cli.node.peer import Peer
    from negvol_cli.node.sending import objects_of, send

    objects = objects_of(result)
    for sent in send(objects, Peer(address=to, own_title=aet, tls=tls), tries=retries + 1):
        if sent.note:
            say(sent.note, err=True)
        if not quiet:
            say(f"{to} stored {name_of(sent.stored.sop_class)}: {sent.stored.path.name}")
