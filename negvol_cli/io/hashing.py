"""The SHA-256 of a scan without measuring it, to check whether a result still belongs to its input.

What is measured is hashed as it is read (``io.image.Scan.sha256``), by the same definition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from negvol_cli.errors import InputError
from negvol_cli.io.formats import open_image, open_regular


def digest_of_scan(path: Path) -> str:
    """Return the SHA-256 of an image file; of both files if its voxels lie in a second one.

    Raises OSError if a file cannot be read.
    """
    try:
        with open_image(path) as image:
            return image.digest()
    except InputError:  # no image file, or a damaged one: a zip, say
        return digest_of([path])


def digest_of(files: Iterable[Path]) -> str:
    """The SHA-256 of one file; of several, that of their sorted digests, whatever their names.

    Raises OSError where a file cannot be read, and ValueError where there is none.
    """
    return combined(map(_digest, files))


def combined(digests: Iterable[str]) -> str:
    """The SHA-256 of several files by that of each, in any order. Raises ValueError for none."""
    found = sorted(digests)
    if not found:
        raise ValueError("there is no file to hash")
    if len(found) == 1:
        return found[0]
    return hashlib.sha256("\n".join(found).encode("ascii")).hexdigest()


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        return digest_of_stream(file)


def digest_of_stream(stream: IO[bytes]) -> str:
    """The SHA-256 of what ``stream`` still holds; a gigabyte takes no memory."""
    found = hashlib.sha256()
    while block := stream.read(1 << 20):
        found.update(block)
    return found.hexdigest()
