"""What a command may print with ``--pseudonym-key``: nothing that could identify anybody."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

_KEY: Final = f"{__name__}.private"
_TYPED: Final = f"{__name__}.typed"


class WrongUsage(click.UsageError):
    """Options that do not go together, in a sentence that quotes nothing that was typed."""


def become_private() -> None:
    """From here to the end of the command nothing is printed that a file or a path says.

    Libraries are silenced, and errors are said in sentences of ours (``errors.explain_nameless``).
    """
    click.get_current_context().meta[_KEY] = True
    hush()


def hush() -> None:
    """Silence libraries to the end of the command.

    They warn and log in their own words, in which they quote what they read.
    """
    ctx = click.get_current_context()
    ctx.with_resource(warnings.catch_warnings(action="ignore"))
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    ctx.call_on_close(lambda: logging.disable(before))


def note_key(ctx: click.Context, args: Sequence[str]) -> None:
    """Note whether a key is among the arguments of the command, which are not yet understood."""
    ctx.meta[_TYPED] = any(arg.startswith("--pseudonym-key") for arg in args)


def has_key(ctx: click.Context) -> bool:
    """Whether a key is among the arguments, so that none of them may be repeated."""
    return bool(ctx.meta.get(_TYPED))


def is_private(ctx: click.Context) -> bool:
    """Whether the command that runs must name nobody."""
    return bool(ctx.meta.get(_KEY))


def place(out: Path, *names: str) -> str:
    """A path below the folder for the results, or where nobody may be named, the names alone."""
    if is_private(click.get_current_context()):
        return "/".join(names)
    return str(out.joinpath(*names))


def places(err: BaseException) -> str:
    """A traceback without the messages of its errors: modules, lines and our own code."""
    return "".join(traceback.format_list(traceback.extract_tb(err.__traceback__)))
