"""The files of a zip, read where they are: nothing of a scan is unpacked onto the disk."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from negvol_cli.errors import InputError

MOST_BYTES: Final = 2**32
"""No image file of one scan is larger, unpacked."""
BIG_BYTES: Final = 2**26
MOST_PACKED: Final = 200
"""Times; a real CT packs to a third, blank images to a thousandth, and those are bombs."""

BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError),
    *(EOFError, IndexError, RuntimeError),  # RuntimeError: encrypted
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a zip: its place in the directory, since two may have one name, and its CRC."""

    number: int
    crc: int


@contextmanager
def opened(path: Path, member: Member) -> Iterator[tuple[Path, tuple[IO[bytes], int]]]:
    """The name of a file in the zip at ``path``, as if that were a folder; its stream and its size.

    Raises InputError where the zip is damaged, encrypted, or another than it was, or where the file
    unpacks to more than any scan.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.infolist()[member.number]
            if member.crc != info.CRC:
                raise InputError(f"{path} was changed while it was being measured: start again")
            check_size(info, path)
            with archive.open(info) as stream:
                yield path / info.filename, (stream, info.file_size)
    except BROKEN as err:
        raise damaged(path, err) from err


def check_size(info: zipfile.ZipInfo, path: Path) -> None:
    """Refuse, with InputError, a file of the zip at ``path`` that unpacks to more than any scan."""
    size = info.file_size
    if size > MOST_BYTES or size > max(BIG_BYTES, MOST_PACKED * info.compress_size):
        raise InputError(
            f"{path} packs {size >> 20} MiB into {info.compress_size >> 10} KiB, which no CT does: "
            "unpack it, if it is a scan"
        )


def damaged(path: Path, err: Exception) -> InputError:
    """The error for a zip that cannot be unpacked."""
    return InputError(f"{path} is a damaged or encrypted zip ({err}): pack or copy it again")
