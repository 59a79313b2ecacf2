"""``negvol doctor``: check that negvol can work on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from negvol_cli.cli import network, options

if TYPE_CHECKING:
    from negvol_cli.node.address import Address
    from negvol_cli.node.tls import Tls


@click.command(short_help="Check that negvol can work on this machine.")
@options.device
@options.bundle
@network.address("--to", required=False, help="Ask this DICOM node to answer (C-ECHO).")
@network.own_title
@network.tls
@options.as_json
@click.pass_context
def doctor(
    ctx: click.Context,
    *,
    device: str,
    bundle: str | None,
    to: Address | None,
    aet: str,
    tls: Tls | None,
    as_json: bool,
) -> None:
    """Check that negvol can work on this machine; exit code 1 if something essential fails."""
    from dataclasses import asdict

    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.doctor import Level, examine
    from negvol_cli.node.peer import Peer
    from negvol_cli.settings import Device

    peer = None if to is None else Peer(address=to, own_title=aet, tls=tls)
    checks = examine(find_bundle(bundle), Device(device), peer)
    sound = all(check.level is not Level.BROKEN for check in checks)
    if as_json:
        options.print_json({"sound": sound, "checks": [asdict(check) for check in checks]})
    else:
        rows = [[check.name, str(check.level), check.text] for check in checks]
        options.print_columns(rows, left=3)
    ctx.exit(0 if sound else 1)
