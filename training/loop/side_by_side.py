"""Several trainings at once on one device, each in a process of its own.

A GPU is shared by time slices: networks as light as ours leave it idle between their kernels, and
several together use what one alone cannot. Each training keeps its own checkpoint, so the same
command, given again, goes on with all of them.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock

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
    running: list[subprocess.Popen[str]] = []
    lock, stopping = Lock(), Event()

    def follow(arguments: Sequence[str]) -> tuple[int, str]:
        with lock:
            if stopping.is_set():
                return 0, ""
            process = subprocess.Popen(  # noqa: S603 - this interpreter, with our own arguments
                [*program, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                bufsize=1,
            )
            running.append(process)
        last: deque[str] = deque(maxlen=1)
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last.append(line.rstrip())
                say(last[0])
        return process.wait(), last[0] if last else "nothing was said"

    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        started = {pool.submit(follow, arguments): name for name, arguments in commands.items()}
        try:
            for future in as_completed(started):
                code, last = future.result()
                if code:
                    failed.append(f"{started[future]} ended with exit code {code}: {last}")
        except BaseException:
            with lock:
                stopping.set()
                for process in running:
                    process.terminate()
            raise
    if failed:
        raise ConfigError(failed[0])
