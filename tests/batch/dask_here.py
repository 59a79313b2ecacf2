"""A real Dask scheduler and its workers, on this machine alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOCAL = "127.0.0.1"
TLS = ["--tls-ca-file", "{}", "--tls-cert", "{}", "--tls-key", "{}"]


@dataclass(frozen=True)
class DaskHere:
    """Its address, and its workers' processes."""

    address: str
    workers: tuple[subprocess.Popen[bytes], ...]

    def kill_one(self) -> int:
        """Kill the first worker as a power cut would; its process number."""
        self.workers[0].send_signal(signal.SIGKILL)
        return self.workers[0].pid


@contextmanager
def dask_here(
    folder: Path, workers: int, certificate: Path | None = None, deaths_allowed: int = 3
) -> Iterator[DaskHere]:
    """A scheduler with that many workers of one thread, which nobody restarts when they die."""
    tls = [] if certificate is None else TLS
    tls = [word.format(certificate) for word in tls]
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(deaths_allowed),
    }
    here = ["--host", LOCAL, "--no-dashboard", "--dashboard-address", f"{LOCAL}:0"]
    with ExitStack() as stack, (folder / "dask.log").open("ab") as log:

        def start(role: str, *args: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "dask", role, *args, *tls, *here]
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
            stack.callback(process.wait, 10)
            stack.callback(process.kill)
            return process

        file = folder / "scheduler.json"
        protocol = ["--protocol", "tls"] if tls else []
        start(
            "scheduler",
            *protocol,
            "--port",
            "0",
            "--scheduler-file",
            str(file),
            "--idle-timeout",
            "600s",
        )
        address = _address(file)
        place = ("--local-directory", str(folder))
        alone = ("--nthreads", "1", "--no-nanny", "--death-timeout", "60", *place)
        yield DaskHere(address, tuple(start("worker", address, *alone) for _ in range(workers)))


def _address(file: Path) -> str:
    """The scheduler's address, as soon as it has written it."""
    for _ in range(1200):
        try:
            address: str = json.loads(file.read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError):
            time.sleep(0.1)
        else:
            return address
    raise TimeoutError("the scheduler did not start within two minutes")
