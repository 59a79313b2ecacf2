"""The files of a folder or zip file, opened one at a time.

No name in a zip file is ever used for a file on disk.
"""

from __future__ import annotations

import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from negvol_cli.errors import InputError

MOST_FILES: Final = 20_000  # in a zip
MOST_BYTES: Final = 2**34  # in a zip, unpacked

_BIG_BYTES: Final = 2**26  # 64 MiB are unpacked whatever they are packed into
_MOST_PACKED: Final = 200  # a real CT packs to a third; blank images pack a thousandfold


_BROKEN: Final = (
    *(zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, lzma.LZMAError),
    *(struct.error, ValueError),
    RuntimeError,  # an encrypted member
)


@dataclass(frozen=True, slots=True)
class Part:
    """One file, or one member of a zip file by its number there."""

    path: Path
    member: int | None = None


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


class Opener:
    """Opens parts; a zip file stays open from its first member to the end of the block.

    ``open_file`` opens a file of the disk, which is a part or the zip of one.
    """

    def __init__(self, open_file: Callable[[Path], IO[bytes]] = _opened) -> None:
        self._open_file = open_file
        self._path: Path | None = None
        self._archive: zipfile.ZipFile | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, part: Part) -> IO[bytes]:
        """The part's bytes as a stream that can seek."""
        if part.member is None:
            return self._open_file(part.path)
        if self._archive is None or self._path != part.path:
            self.close()
            file = self._stack.enter_context(self._open_file(part.path))
            self._archive = self._stack.enter_context(zipfile.ZipFile(file))
            self._path = part.path
        return self._archive.open(self._archive.infolist()[part.member])

    def close(self) -> None:
        """Close the zip, if one is open."""
        self._archive = None
        self._stack.close()


def parts_of(source: Path) -> Iterator[Part]:
    """The files below a folder in the order of their names, of a zip, or the one file.

    Links to folders are not followed, and links in a zip are no files. Raises InputError for a zip
    that cannot be opened, is encrypted, or unpacks to too much.
    """
    if source.is_dir():
        for folder, folders, files in os.walk(source):
            folders.sort()
            for name in sorted(files):
                path = Path(folder) / name
                if path.is_file():  # neither a pipe nor a broken link
                    yield Part(path)
    elif source.suffix.lower() == ".zip" or zipfile.is_zipfile(source):
        yield from _members(source)
    else:
        yield Part(source)


@contextmanager
def zip_explained(source: Path) -> Iterator[None]:
    """Turn whatever a damaged or encrypted zip file raises into InputError."""
    try:
        yield
    except _BROKEN as err:
        raise InputError(
            f"cannot unpack {source}: it is damaged or encrypted; copy it again or unpack it first"
        ) from err


def _members(source: Path) -> Iterator[Part]:
    with zip_explained(source), zipfile.ZipFile(source) as archive:
        members = archive.infolist()
    if len(members) > MOST_FILES or sum(m.file_size for m in members) > MOST_BYTES:
        raise InputError(
            f"{source} unpacks to more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB: "
            "pack the one study to be measured"
        )
    for number, member in enumerate(members):
        if member.is_dir():
            continue
        if member.flag_bits & 1:
            raise InputError(f"{source} is encrypted: unpack it first")
        if member.file_size > max(_BIG_BYTES, _MOST_PACKED * member.compress_size):
            raise InputError(
                f"{source} packs {member.file_size >> 20} MiB into {member.compress_size >> 10} "
                "KiB, which no CT fits in: pack the study again"
            )
        yield Part(source, number)
