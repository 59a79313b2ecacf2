"""The ``negvol`` command: its subcommands, its version and how errors are handled."""

from __future__ import annotations

import sys
from typing import Any, Final

import click

from negvol_cli.cli import (
    batch,
    compare,
    demo,
    doctor,
    evaluate,
    measure,
    models,
    node,
    run,
    send,
    view,
)
from negvol_cli.cli.failures import explained
from negvol_cli.cli.printing import say
from negvol_cli.cli.private import note_key
from negvol_cli.cli.signals import ends_like_ctrl_c
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.threads import one_thread_for_algebra
from negvol_cli.version import __version__


class Group(click.Group):
    """A group that lists its commands in the order of use and explains every error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether a key is among the arguments: wrong ones must not be repeated then."""
        note_key(ctx, args)
        return super().parse_args(ctx, args)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the program; help or a version that cannot be printed is explained as well."""
        one_thread_for_algebra()  # a command imports NumPy
        try:
            return super().main(*arguments, **options)
        except OSError as err:
            say(f"negvol: cannot print to this output ({err.strerror}): use another", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an exception becomes a sentence on stderr and an exit code."""
        with ends_like_ctrl_c(), explained(ctx):
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the commands in the order in which they were added."""
        return list(self.commands)


_CONTEXT: Final = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}


@click.group(cls=Group, epilog=RESEARCH_USE, context_settings=_CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Measure the negative volume of both temporomandibular joints in a head CT."""


for command in (
    run.run,
    batch.batch,
    measure.measure,
    compare.compare,
    view.view,
    evaluate.evaluate,
    send.send,
    node.node,
    models.models,
    doctor.doctor,
    demo.demo,
):
    main.add_command(command)
