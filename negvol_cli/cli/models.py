"""``negvol models``: the models on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from negvol_cli.cli import options
from negvol_cli.cli.printing import say


@click.group()
def models() -> None:
    """List, verify and install models."""


@models.command("list")
@options.as_json
def list_(*, as_json: bool) -> None:
    """List the default models and the installed ones, with their measured accuracy."""
    from negvol_cli.bundle.store import list_bundles
    from negvol_cli.cli.bundle_text import stored_as_dict, stored_as_text

    found = list_bundles()
    if as_json:
        options.print_json([stored_as_dict(stored) for stored in found])
    else:
        say("\n".join(map(stored_as_text, found)))


@models.command()
@click.argument("bundle", required=False, metavar="[MODELS]")
@options.as_json
def verify(*, bundle: str | None, as_json: bool) -> None:
    """Check the files of models (a name or path; default: all) and run each network once."""
    from negvol_cli.bundle.store import check_bundle, find_bundle, list_bundles
    from negvol_cli.cli.bundle_text import stored_as_dict, verdict
    from negvol_cli.doctor import try_networks
    from negvol_cli.errors import ModelError

    found = [check_bundle(find_bundle(bundle))] if bundle else list_bundles()
    found = [try_networks(stored) for stored in found]
    if as_json:
        options.print_json([stored_as_dict(stored) for stored in found])
    else:
        say("\n".join(map(verdict, found)))
    if broken := [str(stored.path) for stored in found if stored.trouble]:
        raise ModelError(f"{len(broken)} of {len(found)} sets of models cannot be used")


@models.command()
@click.argument("file", type=options.PATH)
@options.as_json
def install(*, file: Path, as_json: bool) -> None:
    """Install the models in FILE (a zip file or a folder) for the current user."""
    from negvol_cli.bundle.store import Stored, install_bundle
    from negvol_cli.cli.bundle_text import stored_as_dict, stored_as_text

    bundle = install_bundle(file)
    stored = Stored(bundle.path, bundle)
    if as_json:
        options.print_json(stored_as_dict(stored))
    else:
        say(stored_as_text(stored))
