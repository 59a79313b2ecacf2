"""The audit log of a node: one line of JSON per event, on the disk before the work goes on.

Studies are named by hashes; no header value and no path is written. Titles of application
entities, which are those of machines, and network addresses are.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FILE: Final = "audit.jsonl"

Value = str | int | float | bool
OnEvent = Callable[[str, dict[str, Value]], None]


class Audit:
    """The log in ``folder``; ``on_event`` is told every event as well.

    The file is opened for each event, so that it may be renamed away at any time. What a killed
    process left as half a line is removed at the start.
    """

    def __init__(self, folder: Path, on_event: OnEvent = lambda _event, _said: None) -> None:
        self._path = folder / FILE
        self._on_event = on_event
        self._lock = threading.Lock()
        _drop_half_line(self._path)

    def __call__(self, event: str, **said: Value) -> None:
        """Write an event down. Never raises: a full disk must not keep the node from answering."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "event": event, **said})
        with self._lock:
            try:
                _append(self._path, f"{line}\n".encode())
            except OSError as err:
                said = {**said, "unlogged": err.strerror or "it cannot be written"}
        self._on_event(event, said)


def _append(path: Path, line: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        start = os.fstat(handle).st_size
        try:
            if os.write(handle, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, start)
            raise
    finally:
        os.close(handle)


def _drop_half_line(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            content_end = file.seek(0, os.SEEK_END)
            at = content_end
            while at > 0:
                file.seek(at - 1)
                if file.read(1) == b"\n":
                    break
                at -= 1
            if at < content_end:
                file.truncate(at)
    except FileNotFoundError:
        return
