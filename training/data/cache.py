"""Arrays that are made once and cached on disk, mapped into memory when read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def digest(files: Iterable[Path], *parameters: object) -> str:
    """What names an array made of these files' content with these parameters, 32 hex digits.

    Parameters count by their ``repr``. Names and dates of files do not count. Raises OSError where
    a file cannot be read.
    """
    total = hashlib.sha256(repr(parameters).encode())
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:32]


def cached(folder: Path | None, name: str, make: Callable[[], Array]) -> Array:
    """The array that ``make`` gives, cached as ``folder/name.npy``; just made where folder is None.

    What is read from disk is mapped, so that it takes memory only where it is looked at; writing
    into it changes neither the file nor another process. Several processes may ask at once: each
    writes a file of its own and renames it, so that none reads half an array. A damaged file is
    made again.
    """
    if folder is None:
        return make()
    path = folder / f"{name}.npy"
    cached = _mapped(path)
    if cached is not None:
        return cached
    array = make()
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.{os.getpid()}.{uuid4().hex}.partial"
    try:
        with partial.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    cached = _mapped(path)
    return array if cached is None else cached


def _mapped(path: Path) -> Array | None:
    try:
        array: Array = np.load(path, mmap_mode="c", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError):  # cut short, or no array: made again
        return None
    return array
