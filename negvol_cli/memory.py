"""How much memory the process has used, how much is available, and what becomes of free memory."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Final

import psutil

_MIB: Final = 1 << 20
_M_ARENA_MAX: Final = -8
"""The parameter's number in glibc's <malloc.h>."""


def peak_memory_mb() -> float | None:
    """Return the peak resident memory of the process, MiB; None where the system does not tell.

    On Linux from /proc, because ``ru_maxrss`` starts at what the parent process held.
    """
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / _MIB
    status = Path("/proc/self/status")
    if status.is_file() and (kib := _kib(status, "VmHWM")) is not None:
        return kib / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)


def share_arenas() -> bool:
    """Let all threads share two of glibc's arenas of memory; False where the system is not glibc.

    Otherwise each thread has one, and what a joint's thread leaves free in its own no other can
    use: after a dozen scans of four heads in turn a process held 900 MiB instead of 660.
    """
    return _of_glibc("mallopt", _M_ARENA_MAX, 2)


def give_back_free_memory() -> bool:
    """Give memory that nothing uses back to the system; False where it is not glibc's to give.

    Of what a scan took, glibc keeps what lies below a block still in use, up to 320 MiB: between
    two scans a process that measured twenty phantoms held up to 630 MiB, 73 of them in use. It
    takes some hundredths of a second.
    """
    return _of_glibc("malloc_trim", 0)


def _of_glibc(name: str, *arguments: int) -> bool:
    """What a function of glibc's allocator answers; False where the system is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    function = getattr(ctypes.CDLL(None), name, None)
    return function is not None and bool(function(*arguments))


def available_memory_mb() -> float:
    """Return the memory that is still available, MiB.

    On Linux within the limit of the control group, which is what a container has.
    """
    return min(float(psutil.virtual_memory().available) / _MIB, _control_group_rest_mb())


def _control_group_rest_mb(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """What the control group of a container leaves, MiB; infinite where there is no limit.

    psutil knows the machine alone, which a container may use a small part of.
    """
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return float("inf")
    return (limit - used) / _MIB


def _kib(file: Path, key: str) -> int | None:
    """The value of ``key: 123 kB`` in a file of /proc."""
    for line in file.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    return None
