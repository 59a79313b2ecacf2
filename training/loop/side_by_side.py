"""Several trainings at once on one device, each in a process of its own.

A GPU is shared by time slices: networks as light as ours leave it idle between their kernels, and
several together use what one alone cannot. Each training keeps its own checkpoint, so the same
command, given again, goes on with all of them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Lock

from training.tables import ConfigError

PROGRAM = (sys.executable, "-m", "training")


def run_side_by_side(
    commands: Mapping[str, Sequence[str]],
    at_once: int,
    say: Callable[[str], None],
    program: Sequence[str] = PROGRAM,
) -> None:
    """Run ``program`` with the arguments of each command, ``at_once`` at a time, and pass on lines.

    All are let finish, also where one fails; then ConfigError names the first that did, with its
    last line. Interrupted, all are ended before the interruption goes on.
    """
    children = _Children(program, say)
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        started = {pool.submit(children.run, given): name for name, given in commands.items()}
        try:
            for future in as_completed(started):
                code, last = future.result()
                if code:
                    failed.append(f"{started[future]} ended with exit code {code}: {last}")
        except BaseException:
            children.end()
            raise
    if failed:
        raise ConfigError(failed[0])


class _Children:
    """The processes that were started, to be ended together."""

    def __init__(self, program: Sequence[str], say: Callable[[str], None]) -> None:
        self._program, self._say = program, say
        self._running: list[subprocess.Popen[str]] = []
        self._lock, self._ended = Lock(), False

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Start one, pass on its lines, and wait for it: its exit code and its last line."""
        with self._lock:
            if self._ended:
                return 0, ""
            process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own arguments
                [*self._program, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                bufsize=1,
            )
            self._running.append(process)
        last = "nothing was said"
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last = line.rstrip()
                self._say(last)
        return process.wait(), last

    def end(self) -> None:
        """End all that run, and start no more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()
