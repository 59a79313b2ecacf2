"""Options of the commands that speak with other DICOM nodes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from negvol_cli.cli.options import PATH
from negvol_cli.cli.private import WrongUsage
from negvol_cli.errors import InputError

if TYPE_CHECKING:
    from negvol_cli.node.address import Address
    from negvol_cli.node.tls import Tls

Command = TypeVar("Command", bound=Callable[..., None])
T = TypeVar("T")


def _address(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Address | None:
    from negvol_cli.node.address import Address

    return None if text is None else _right(Address.parse, text)


def _title(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    from negvol_cli.node.address import ae_title

    return _right(ae_title, text)


def titles(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The callback of an option that takes AE titles."""
    from negvol_cli.node.address import ae_title

    return tuple(_right(ae_title, text) for text in texts)


def _right(parse: Callable[[str], T], text: str) -> T:
    """What ``text`` stands for; wrong usage where it stands for nothing."""
    try:
        return parse(text)
    except InputError as err:
        raise click.BadParameter(str(err)) from err


def address(name: str, *, required: bool, help: str) -> Callable[[Command], Command]:  # noqa: A002
    """An option that takes ``AET@host:port`` as an ``Address``."""
    return click.option(
        name, metavar="AET@host:port", required=required, help=help, callback=_address
    )


own_title = click.option(
    "--aet",
    metavar="AET",
    callback=_title,
    default="NEGVOL",
    show_default=True,
    help="AE title under which negvol is known to the other side.",
)


def tls(command: Command) -> Command:
    """Add the options of TLS to a command, which takes them as one ``Tls``, or None."""

    @click.option("--tls", "wanted", is_flag=True, help="Encrypt the connections with TLS.")
    @click.option(
        "--tls-ca",
        type=PATH,
        metavar="FILE",
        help="Certificates (PEM) of the authorities to trust.  [default: those of the system]",
    )
    @click.option("--tls-cert", type=PATH, metavar="FILE", help="Own certificate (PEM).")
    @click.option(
        "--tls-key", type=PATH, metavar="FILE", help="Its key (PEM).  [default: in --tls-cert]"
    )
    @functools.wraps(command)
    def collected(
        *,
        wanted: bool,
        tls_ca: Path | None,
        tls_cert: Path | None,
        tls_key: Path | None,
        **others: Any,
    ) -> None:
        command(tls=_tls_of(wanted, tls_ca, tls_cert, tls_key), **others)

    return cast("Command", collected)


def _tls_of(wanted: bool, ca: Path | None, cert: Path | None, key: Path | None) -> Tls | None:
    from negvol_cli.node.tls import Tls

    if not wanted:
        if ca or cert or key:
            raise WrongUsage("--tls-ca, --tls-cert and --tls-key are for --tls: give that as well")
        return None
    if key and not cert:
        raise WrongUsage("--tls-key is the key of a certificate: give --tls-cert as well")
    return Tls(authorities=ca, certificate=cert, key=key)
