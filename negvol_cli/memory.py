"""How much memory the process has held, and how much is left, without further packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_MIB: Final = 1 << 20


def peak_memory_mb() -> float | None:
    """The most resident memory the process has held so far, MiB; None where nobody knows.

    On Linux from /proc, because ``ru_maxrss`` starts at what the parent process held.
    """
    if sys.platform == "win32":
        return _windows_peak_mb()
    status = Path("/proc/self/status")
    if status.is_file() and (kib := _kib(status, "VmHWM")) is not None:
        return kib / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)


def available_memory_mb() -> float | None:
    """The memory that a program can still take, MiB; None where nobody knows.

    On Linux within the limit of the control group, which is what a container has. On macOS, which
    does not tell, all the memory of the machine.
    """
    if sys.platform == "win32":
        return _windows_available_mb()
    kib = _kib(Path("/proc/meminfo"), "MemAvailable")
    if kib is None:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _MIB
        except (ValueError, OSError):
            return None
    return min(kib / 1024, *_control_group_rest_mb())


def _control_group_rest_mb(folder: Path = Path("/sys/fs/cgroup")) -> list[float]:
    """What the control group of a container leaves, MiB; infinite where there is no limit."""
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return [float("inf")]
    return [(limit - used) / _MIB]


def _kib(file: Path, key: str) -> int | None:
    """The value of ``key: 123 kB`` in a file of /proc."""
    if not file.is_file():
        return None
    for line in file.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    return None


def _windows_peak_mb() -> float | None:
    import ctypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS of psapi.h; the first of the sizes is PeakWorkingSetSize."""

        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            ("sizes", ctypes.c_size_t * 8),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel = ctypes.CDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    ask = kernel.K32GetProcessMemoryInfo
    ask.argtypes = [ctypes.c_void_p, ctypes.POINTER(Counters), ctypes.c_uint32]
    done = ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return float(counters.sizes[0]) / _MIB if done else None


def _windows_available_mb() -> float | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of sysinfoapi.h; the second of the sizes is ullAvailPhys."""

        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            ("sizes", ctypes.c_uint64 * 7),
        )

    status = Status(length=ctypes.sizeof(Status))
    done = ctypes.CDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status))
    return float(status.sizes[1]) / _MIB if done else None
