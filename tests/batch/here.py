"""An engine for tests: one scan after the other in this process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Here:
    """One scan after the other in this process; what kills it ends the batch."""

    lost: tuple[type[BaseException], ...] = ()
    shared_fate = False
    remote = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def places(self) -> int:
        """One."""
        return 1

    def submit(self, work: Callable[..., T], *args: Any) -> Future[T]:
        """Do the work."""
        future: Future[T] = Future()
        try:
            future.set_result(work(*args))
        except Exception as err:  # noqa: BLE001 - as every executor does
            future.set_exception(err)
        return future

    def renew(self) -> None:
        """Nothing dies here alone."""
