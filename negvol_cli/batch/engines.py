"""Where scans are measured: in processes of their own, or on a Dask cluster.

Both take work as a ``concurrent.futures`` executor does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from negvol_cli.batch.worker import prepare_process
from negvol_cli.errors import ClusterError
from negvol_cli.threads import cores

T = TypeVar("T")

CONNECT_SECONDS: Final = 20
"""Dask's own default is 30; a scheduler in the same hospital answers sooner."""

WORKER_SECONDS: Final = 60
"""A worker imports the libraries first, which takes seconds on a busy machine."""


class Engine(Protocol):
    """An executor, and how it fails. Leaving its block ends it, at once after an exception.

    ``lost`` are the errors of a future whose worker died. With ``shared_fate`` one death loses all
    that was running, and ``renew`` makes a new executor. ``remote``: work goes over a network.
    """

    lost: tuple[type[BaseException], ...]
    shared_fate: bool
    remote: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def places(self) -> int:
        """How many scans can be measured at once, now."""

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Start the work, or queue it."""

    def renew(self) -> None:
        """Go on after a death."""


def threads_each(jobs: int) -> int | None:
    """Threads for each of ``jobs`` processes, so that together they fill the machine; None: all."""
    if jobs == 1:
        return None
    return max(1, cores() // jobs)


class Processes:
    """Processes started anew (``spawn``), each keeping its networks from scan to scan."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    shared_fate = True
    remote = False

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        _start_tracker()
        self._pool = self._new()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def places(self) -> int:
        """As many as there are processes: nothing waits in a queue that cannot be recalled."""
        return self._jobs

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Give the work to a process that is free."""
        return self._pool.submit(work, *args)

    def renew(self) -> None:
        """Start new processes in the place of those that are gone."""
        self._kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._jobs,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=prepare_process,
        )

    def _kill(self) -> None:
        """End the processes at once; ``kill_workers`` is new in Python 3.14."""
        for process in list((self._pool._processes or {}).values()):
            process.kill()


def why_not_safe(address: str, certificate: Path | None, *, insecure: bool) -> str:
    """Why a scheduler must not be used as it is asked for, or "" where it may be."""
    if not address.startswith("tls://"):
        if insecure and certificate is None:
            return ""
        return (
            f"the scheduler at {address} runs the code of anybody who reaches its port: give a "
            "tls:// address and --certificate (see docs/batch.md), or --insecure-scheduler where "
            "nobody else can reach it"
        )
    if insecure or certificate is None:
        return "a tls:// address needs --certificate, and no --insecure-scheduler"
    try:
        mode = certificate.stat().st_mode
    except OSError as err:
        return f"cannot read the certificate {certificate} ({err.strerror})"
    if os.name == "posix" and mode & 0o077:
        return f"others may read the key in {certificate}: chmod 600 {certificate}"
    return ""


def _start_tracker() -> None:
    """Start the helper that ``multiprocessing`` has on Unix, deaf to the end of the session.

    It ignores Ctrl-C and SIGTERM by itself, but not SIGHUP, and complains where it was ended first.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which the helper inherits
    try:
        resource_tracker.ensure_running()
    finally:
        signal.signal(signal.SIGHUP, before)


class Cluster:
    """The workers of a Dask scheduler; Dask itself repeats what a lost worker had.

    ``certificate`` is a PEM file with the certificate and the key that the whole cluster shares,
    for an address that begins with ``tls://``. A scheduler without one runs the code of anybody who
    reaches its port, and what goes to it can be read on the way: it must be asked for by
    ``insecure``. Raises ClusterError where there is none, or it cannot be used.
    """

    shared_fate = False
    remote = True

    def __init__(
        self, address: str, certificate: Path | None = None, *, insecure: bool = False
    ) -> None:
        if why := why_not_safe(address, certificate, insecure=insecure):
            raise ClusterError(why)
        try:
            import distributed
        except ImportError as err:
            raise ClusterError(
                "--scheduler needs the package 'distributed', which is not installed: "
                "pip install 'negvol[cluster]'"
            ) from err
        self.lost: tuple[type[BaseException], ...] = (distributed.scheduler.KilledWorker,)
        self._address = address
        file = None if certificate is None else str(certificate)
        try:
            security = distributed.Security(
                tls_ca_file=file,
                tls_client_cert=file,
                tls_client_key=file,
                require_encryption=not insecure,
            )
            self._client = distributed.Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False, security=security
            )
        except (OSError, TimeoutError, ValueError, TypeError) as err:
            raise ClusterError(
                f"no Dask scheduler answers at {address}, or none with this certificate: start one "
                "with 'dask scheduler', and give its address as it prints it"
            ) from err
        self.wait_for(1)
        self._executor: Executor = self._client.get_executor(pure=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(wait=kind is None)
        self._client.close()

    def places(self) -> int:
        """A scan for each thread of each worker that is there now."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def wait_for(self, workers: int) -> None:
        """Wait until so many workers are there. Raises ClusterError after a minute."""
        try:
            self._client.wait_for_workers(workers, timeout=WORKER_SECONDS)
        except TimeoutError as err:
            self._client.close()
            raise ClusterError(
                f"the scheduler at {self._address} has no workers: start some with 'dask worker'"
            ) from err

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Send the work to the scheduler."""
        return self._executor.submit(work, *args)

    def renew(self) -> None:
        """Dask starts what died by itself."""
