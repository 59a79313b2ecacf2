"""The command line: one module per command; heavy imports happen only when a command runs."""

from negvol_cli.cli.group import main

__all__ = ["main"]
