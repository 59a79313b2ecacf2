"""Which program is running: its version, and the SHA-256 of its own code.

The version of the installed package is not asked: it may be that of another copy, and it stays the
same while a checkout changes.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

__version__ = "0.13.1"

_DIGITS: Final = 12


@cache
def code_sha256() -> str:
    """The SHA-256 of every module of the package, line ends left out of account."""
    found = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        name = path.relative_to(package).as_posix()
        found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def program_stamp() -> str:
    """Version and start of the code's hash: how a result names the program that made it."""
    return f"{__version__} ({code_sha256()[:_DIGITS]})"
