"""A lock between processes that ends with the process, however it ends."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}
"""What flock(2) says on file systems without locks, as some network mounts are."""


class Busy(Exception):  # noqa: N818 - a condition, not a failure
    """Another process, or another thread, holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock named by the file ``path``, which is made and removed.

    Gives True, or False where the file system knows no locks and nobody can be kept out.
    Raises Busy at once where another holds it, and OSError where the file cannot be made, or is a
    link that somebody put there.
    """
    # A marker in the place of a lock would outlive a killed process: no fallback to one.
    lock = FileLock(path, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as err:
        raise Busy from err
    except OSError as err:
        if err.errno not in _NO_LOCKS:
            raise
        with suppress(OSError):
            path.unlink()
        yield False
        return
    try:
        yield True
    finally:
        # Removed while it is held: who waits with it open sees that it has no name any more.
        with suppress(OSError):
            path.unlink()
        lock.release()
        if sys.platform == "win32":  # an open file cannot be removed there
            with suppress(OSError):
                path.unlink()
