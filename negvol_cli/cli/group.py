"""``negvol`` itself: the commands, the version and the handling of errors."""

from __future__ import annotations

from typing import Any

import click

from negvol_cli.cli import batch, demo, doctor, evaluate, measure, models, run, view
from negvol_cli.cli.failures import explained
from negvol_cli.settings import RESEARCH_USE


class Group(click.Group):
    """Commands in their own order, and errors as sentences."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a sentence and an exit code."""
        with explained(ctx):
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands as they were added, not by the alphabet."""
        return list(self.commands)


@click.group(cls=Group, epilog=RESEARCH_USE, context_settings={"max_content_width": 100})
@click.version_option(package_name="negvol", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Measure the negative volume of both jaw joints in a head CT."""


for command in (
    run.run,
    batch.batch,
    measure.measure,
    view.view,
    evaluate.evaluate,
    models.models,
    doctor.doctor,
    demo.demo,
):
    main.add_command(command)
