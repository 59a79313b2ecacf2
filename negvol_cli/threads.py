"""Work shared among threads: no more at once than were asked for, or than there are cores.

NumPy, SciPy, PyMeshLab and OpenVINO let go of Python's lock while they compute, so that two
joints in two threads take little longer than one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")
Other = TypeVar("Other")

_ALGEBRA: Final = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""The last one is pykdtree's, which would take the other joint's core as well."""


def one_thread_for_algebra() -> None:
    """Keep NumPy's and SciPy's linear algebra to one thread, unless the user's environment says.

    Theirs wait busily for the next of many small systems and take cores from the other joint: a run
    on two cores took 5.4 s with them and 8.8 s of computing, 5.1 and 7.9 s without. It has effect
    before NumPy is imported, and on the processes that this one starts.
    """
    for name in _ALGEBRA:
        os.environ.setdefault(name, "1")


def cores() -> int:
    """The CPU cores that this process may use."""
    known = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(known(0)) if known else os.cpu_count() or 1


def several(threads: int | None) -> bool:
    """Whether more than one of ``threads`` can run at once (None: all cores)."""
    return (threads or cores()) > 1


def at_once(
    tasks: Mapping[Key, Callable[[], Result]], threads: int | None = None
) -> dict[Key, Result]:
    """The result of each task, in the order given; up to ``threads`` run at once (None: all cores).

    An error of a task is raised once all that run have ended.
    """
    many = min(threads or cores(), len(tasks))
    if many < 2:
        return {key: task() for key, task in tasks.items()}
    with ThreadPoolExecutor(many, thread_name_prefix="negvol") as pool:
        futures = {key: pool.submit(task) for key, task in tasks.items()}
        return {key: future.result() for key, future in futures.items()}


def both(
    first: Callable[[], Result], second: Callable[[], Other], threads: int | None = None
) -> tuple[Result, Other]:
    """The results of two tasks, which run at once on two ``threads`` or more (None: all cores).

    The first runs in the caller's thread, so that Ctrl-C ends it. If both fail, the error of the
    first is raised.
    """
    if not several(threads):
        return first(), second()
    with ThreadPoolExecutor(1, thread_name_prefix="negvol") as pool:
        other = pool.submit(second)
        return first(), other.result()


class Begun(Generic[Result]):
    """A task that was begun in a thread of its own, called ``name``.

    A ``daemon`` ends with the process, which waits for any other, as it must where the task starts
    a library in C++: that may crash when it is cut off.
    """

    def __init__(self, task: Callable[[], Result], name: str, *, daemon: bool = False) -> None:
        self._task = task
        self._result: Future[Result] = Future()
        threading.Thread(target=self._run, name=name, daemon=daemon).start()

    def result(self) -> Result:
        """Wait for the result; an error of the task is raised."""
        return self._result.result()

    def _run(self) -> None:
        try:
            self._result.set_result(self._task())
        except BaseException as err:  # noqa: BLE001 - raised where the result is asked for
            self._result.set_exception(err)


class Once:
    """Values by name, each made once, whichever thread asks first; the others wait for it."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Any] = {}
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, name: Hashable, make: Callable[[], Result]) -> Result:
        """The value of that name; ``make`` is called where there is none, and its error raised."""
        with self._making.setdefault(name, threading.Lock()):
            if name not in self._values:
                self._values[name] = make()
            value: Result = self._values[name]
            return value
