"""The one place where an exception becomes a sentence on stderr and an exit code."""

from __future__ import annotations

import errno
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from negvol_cli.cli.printing import printable, say
from negvol_cli.cli.private import WrongUsage, has_key, is_private, places
from negvol_cli.cli.signals import Ended
from negvol_cli.errors import NegvolError, explain, explain_nameless

SIGNALLED: Final = 128
"""Shells add to this the number of the signal that ended a command: 130 for Ctrl-C."""


@contextmanager
def explained(ctx: click.Context) -> Iterator[None]:
    """Report an exception in the body as one sentence, and exit with the code that belongs to it.

    With ``--debug`` the traceback is printed before the sentence. Wrong usage is left to click.
    """
    try:
        yield
    except WrongUsage:
        raise
    except click.UsageError as err:
        said = printable(err.format_message())
        if has_key(ctx):
            said = "the command is not as it must be"  # which may be a path in the wrong place
        raise click.UsageError(said, err.ctx) from None
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except BaseException as err:  # nothing leaves without a sentence
        if isinstance(err, (SystemExit, GeneratorExit)) or _closed_pipe(err):
            raise
        sentence, code = _explain(err)
        traced = traceback.format_exc()
        if is_private(ctx) and not isinstance(err, KeyboardInterrupt):
            sentence, traced = explain_nameless(err), places(err)
        if ctx.params.get("debug"):
            say(traced, err=True, end="")
        say(f"negvol: {sentence}", err=True)
        ctx.exit(code)


def _explain(err: BaseException) -> tuple[str, int]:
    """A sentence for the person at the keyboard, and the exit code."""
    if isinstance(err, KeyboardInterrupt):
        number = err.number if isinstance(err, Ended) else int(signal.SIGINT)
        return "stopped; nothing half done is left behind", SIGNALLED + number
    if sentence := explain(err):
        return sentence, err.exit_code if isinstance(err, NegvolError) else 1
    from negvol_cli.version import program_stamp

    what = " ".join(f"{type(err).__name__}: {err}".split())
    return (
        f"this should not have happened ({what}); please report it with the output of "
        f"'negvol --debug ...' and this version: {program_stamp()}"
    ), 1


def _closed_pipe(err: BaseException) -> bool:
    """Whether whoever read our output is gone, as with ``negvol ... | head``."""
    return isinstance(err, OSError) and err.errno == errno.EPIPE
