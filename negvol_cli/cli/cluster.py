"""The options for a Dask cluster, of which a command takes the engine that they ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from negvol_cli.cli.private import WrongUsage

if TYPE_CHECKING:
    from negvol_cli.batch import Engine

Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """A scheduler's address and how it is reached; see ``batch.Cluster``."""

    address: str
    certificate: Path | None
    insecure: bool

    def connect(self) -> Engine:
        """The engine. Raises ClusterError where the cluster cannot be reached."""
        from negvol_cli.batch import Cluster

        return Cluster(self.address, self.certificate, insecure=self.insecure)


def cluster(command: Command) -> Command:
    """Add the options to a command, which takes them as one ``ClusterAccess``, or None."""

    @click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Address of a Dask scheduler, such as tls://host:8786.",
    )
    @click.option(
        "--certificate",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Certificate and key of the Dask cluster, in one PEM file.",
    )
    @click.option(
        "--insecure-scheduler",
        is_flag=True,
        help="Use a scheduler without a certificate, which runs anybody's code.",
    )
    @functools.wraps(command)
    def collected(
        *,
        scheduler: str | None,
        certificate: Path | None,
        insecure_scheduler: bool,
        **others: Any,
    ) -> None:
        access = None
        if scheduler is not None:
            access = ClusterAccess(scheduler, certificate, insecure_scheduler)
            _check(access)
        command(cluster=access, **others)

    return cast("Command", collected)


def _check(access: ClusterAccess) -> None:
    """Raise WrongUsage where a cluster must not be used as it is asked for."""
    from negvol_cli.batch import why_not_safe

    if why := why_not_safe(access.address, access.certificate, insecure=access.insecure):
        raise WrongUsage(why)
