"""The command line: ``python -m training check|pack|train|eval|crossval|table|ablate``."""

from __future__ import annotations

import click

from training.commands.ablate import ablate
from training.commands.check import check
from training.commands.judge import crossval, evaluate
from training.commands.pack import pack
from training.commands.table import table
from training.commands.train import train

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train the networks of negvol and judge them on heads they have not seen."""


for command in (check, pack, train, evaluate, crossval, table, ablate):
    main.add_command(command)
