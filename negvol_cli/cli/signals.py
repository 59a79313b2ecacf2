"""The end of a terminal, of a session or of a machine, taken as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDS: Final = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


class Ended(KeyboardInterrupt):
    """The process was told to end; what is half done is removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def ends_like_ctrl_c() -> Iterator[None]:
    """In the body, SIGTERM and SIGHUP raise ``Ended`` in the main thread, once.

    Whoever sends them twice does not keep the first from being carried out. What is ignored, as
    SIGHUP is under ``nohup``, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = {n: before for n in _ENDS if (before := signal.getsignal(n)) is not signal.SIG_IGN}

    def end(number: int, _frame: FrameType | None) -> None:
        for other in heard:
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, before in heard.items():
            signal.signal(number, before)
