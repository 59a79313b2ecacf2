"""The SHA-256 of a scan without measuring it, to check whether a result still belongs to its input.

What is measured is hashed as it is read (``io.image.Scan.sha256``), by the same definition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
    digests = []
    for path in files:
        with open_regular(path) as file:
            digests.append(digest_of_stream(file))
    if not digests:
        raise ValueError("there is no file to hash")
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(sorted(digests)).encode("ascii")).hexdigest()


@contextmanager
def held(files: Sequence[Path], name: str) -> Iterator[str]:
    """The SHA-256 of ``files``, from which nothing but those bytes was read in the body.

    Their change times tell: any write, and any other file in their place, sets them. Raises
    InputError, naming the scan by ``name``, where one was changed meanwhile, and OSError.
    """
    before = [_stamp(path) for path in files]
    yield digest_of(files)
    if [_stamp(path) for path in files] != before:
        raise InputError(f"{name} was changed while it was read: wait until it is copied whole")


def _stamp(path: Path) -> tuple[int, ...]:
    said = path.stat()
    return said.st_dev, said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns


def digest_of_stream(stream: IO[bytes]) -> str:
    """The SHA-256 of what ``stream`` still holds; a gigabyte takes no memory."""
    found = hashlib.sha256()
    while block := stream.read(1 << 20):
        found.update(block)
    return found.hexdigest()
