"""The progress of a batch on stderr, and Ctrl-C, which ends it after the running scan."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

from negvol_cli.cli.printing import printable, say

if TYPE_CHECKING:
    from negvol_cli.batch import Result, Stop, Tally

OnResult = Callable[["Tally", "Result"], None]

_LOOK_EVERY_SECONDS: Final = 0.1
STOPPING: Final = "Stopping after what is running; press Ctrl-C again to stop at once."


@contextmanager
def looking(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Give the function that the search calls with what it looks at; on a terminal it is shown."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape

    last = 0.0
    with Console(stderr=True).status("Searching") as status:

        def look(shown: str) -> None:
            nonlocal last
            if (now := time.monotonic()) - last > _LOOK_EVERY_SECONDS:
                status.update(f"Searching {escape(printable(shown))}")
                last = now

        yield look


@contextmanager
def batch_progress(limit: int | None, quiet: bool) -> Iterator[OnResult]:
    """Give the function that a batch calls after each scan: a bar, or lines without a terminal."""
    pace = Pace(limit)
    if quiet:
        yield lambda _tally, _result: None
    elif sys.stderr.isatty():
        with _bar(pace) as on_result:
            yield on_result
    else:
        yield lambda tally, result: _line(tally, result, pace.left(tally, result))


@contextmanager
def stop_on_ctrl_c() -> Iterator[Stop]:
    """The first Ctrl-C asks the batch to stop, the second stops it at once."""
    from negvol_cli.batch import Stop

    stop = Stop()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        say(STOPPING, err=True)

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class Pace:
    """How long the rest will take, from the scans measured so far."""

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._last, self._spent = clock(), 0.0

    def left(self, tally: Tally, result: Result) -> float | None:
        """Seconds that the rest will take; None where nothing was measured yet.

        What earlier results take to be looked at is left out.
        """
        now = self._clock()
        if not result.earlier:
            self._spent += now - self._last
        self._last = now
        if tally.measured == 0:
            return None
        rest = tally.scans - tally.done
        if self._limit is not None:
            rest = min(rest, self._limit - tally.measured)
        return rest * self._spent / tally.measured


def duration(seconds: float) -> str:
    """Seconds in words of two units at most: ``3 h 20 min``, ``12 min``, ``40 s``."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min" if minutes >= 2 else f"{seconds:.0f} s"


def counts(tally: Tally) -> str:
    """``9 ok, 2 flagged, 1 failed``."""
    from negvol_cli.report import Outcome

    return ", ".join(f"{tally[outcome]} {outcome}" for outcome in Outcome)


def _line(tally: Tally, result: Result, left: float | None) -> None:
    """A line per measured scan; earlier results, of which there may be thousands, pass silently."""
    if result.earlier:
        return
    ended = f"{result.outcome} ({result.seconds:.1f} s)"
    if result.failure is not None:
        ended = f"failed: {result.failure.reason}"
    rest = f"; about {duration(left)} left" if left else ""
    say(f"[{tally.done}/{tally.scans}] {result.name}: {ended} [{counts(tally)}{rest}]", err=True)


@contextmanager
def _bar(pace: Pace) -> Iterator[OnResult]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.text import Text

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, counts="", left="")

        def on_result(tally: Tally, result: Result) -> None:
            left = pace.left(tally, result)
            bar.update(
                task,
                total=tally.scans,
                completed=tally.done,
                counts=counts(tally),
                left="" if left is None else f"about {duration(left)} left",
            )
            if result.failure is not None:
                console.print(Text(printable(f"{result.name}: {result.failure.reason}"), "red"))

        yield on_result
