"""Ends the process at the first socket: ``python -m tests.robustness.no_network run SCAN -o OUT``.

The arguments are those of ``negvol``. On Linux the kernel kills the process (SIGSYS), and every
process that it starts, at any call of socket(2) but for a socket within the machine (AF_UNIX),
whether Python makes it or a library in C. Elsewhere Python's own sockets raise an error.
"""

from __future__ import annotations

import ctypes
import platform
import socket
import struct
import sys
from typing import Any, Final, NoReturn

_MACHINES: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""AUDIT_ARCH and the number of socket(2), by machine (linux/audit.h, asm/unistd.h)."""

_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_KILL, _ALLOW = 0x80000000, 0x7FFF0000  # linux/seccomp.h, also the two below
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_CALL, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("steps", ctypes.c_ushort), ("code", ctypes.c_char_p))


def kernel_can_forbid() -> bool:
    """Whether this machine can forbid sockets to libraries in C, too."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def forbid_sockets() -> None:
    """From here on, no socket for this process and those it starts. Raises OSError."""
    if not kernel_can_forbid():
        socket.socket = _refuse
        return
    arch, call = _MACHINES[platform.machine()]
    steps = (  # operation, steps to skip if true, if false, operand
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 0, 5, arch),
        (_LOAD, 0, 0, _CALL),
        (_IF_EQUAL, 0, 2, call),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_IF_EQUAL, 0, 1, socket.AF_UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL),
    )
    program = _Program(len(steps), b"".join(struct.pack("<HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, first, second in (
        (_NO_NEW_PRIVILEGES, 1, 0),
        (_SET_SECCOMP, _FILTER, ctypes.byref(program)),
    ):
        if libc.prctl(option, first, second, 0, 0):
            raise OSError(ctypes.get_errno(), "the kernel does not filter system calls")


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("a socket was asked for")


if __name__ == "__main__":
    forbid_sockets()
    from negvol_cli.cli import main

    main()
