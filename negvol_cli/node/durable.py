"""Files that are there, whole, even where the power fails the moment after."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def put(content: bytes, target: Path, beside: Path) -> None:
    """Write ``content`` to ``target`` by way of a file in the folder ``beside``, of the same disk.

    When this returns, the content and its name are on the disk. Raises OSError, after which
    nothing new is left.
    """
    part = write_part(content, beside)
    try:
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def write_part(content: bytes, folder: Path) -> Path:
    """A new file in ``folder`` with this content, on the disk. Raises OSError, leaving nothing."""
    part = folder / secrets.token_hex(16)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows does that by itself."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
