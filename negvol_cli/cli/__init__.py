"""The command line: one module per command, each importing what it needs when it runs."""

from negvol_cli.cli.group import main

__all__ = ["main"]
