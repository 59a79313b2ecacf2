"""``negvol doctor``: check that negvol can work on this machine."""

from __future__ import annotations

import click

from negvol_cli.cli import options


@click.command(short_help="Check that negvol can work on this machine.")
@options.device
@options.bundle
@options.as_json
@click.pass_context
def doctor(ctx: click.Context, *, device: str, bundle: str | None, as_json: bool) -> None:
    """Check that negvol can work on this machine; exit code 1 if something essential fails."""
    from dataclasses import asdict

    from negvol_cli.bundle.store import find_bundle
    from negvol_cli.doctor import Level, examine
    from negvol_cli.settings import Device

    checks = examine(find_bundle(bundle), Device(device))
    sound = all(check.level is not Level.BROKEN for check in checks)
    if as_json:
        options.print_json({"sound": sound, "checks": [asdict(check) for check in checks]})
    else:
        rows = [[check.name, str(check.level), check.text] for check in checks]
        options.print_columns(rows, left=3)
    ctx.exit(0 if sound else 1)
