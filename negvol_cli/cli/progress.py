"""Progress on stderr: a bar on a terminal, plain lines elsewhere, nothing if ``--quiet``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from negvol_cli.cli.printing import say

Progress = Callable[[str, float], None]


@contextmanager
def progress(quiet: bool) -> Iterator[Progress]:
    """Yield the function that a computation calls with its step and the share done (0 to 1)."""
    if quiet:
        yield lambda _step, _done: None
    elif sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown"):
        with _bar() as report:
            yield report
    else:
        yield lambda step, done: say(_line(step, done), err=True)


def _line(step: str, done: float) -> str:
    return step if done >= 1 else f"{step} ({done:.0%} done)"


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<26}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda step, done: bar.update(task, description=step, completed=done)
