"""Files from which no byte is read but those that their SHA-256 was made of."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Final

from negvol_cli.errors import InputError
from negvol_cli.io.formats import open_regular
from negvol_cli.io.hashing import combined, digest_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_WHOLE_BYTES: Final = 2**24
"""Any single slice is smaller, and so little can be held."""

_BLOCK_BYTES: Final = 2**18
"""About what one packed slice takes in a zip, where members may lie in any order."""


class HashedFiles:
    """Opens files so that what is read from them and what was hashed cannot differ.

    A file of up to 16 MiB is read once, into memory, and hashed there. A larger one is hashed
    first, as a whole and by blocks, and every block is held against its hash when it is read: who
    writes into the file meanwhile is found out. ``name`` is what messages call the scan of the
    files ``paths``.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._stamps = [_stamp(path) for path in paths]
        self._changed = f"{name} was changed while it was read: wait until it is copied whole"
        self._seals: dict[Path, _Seal] = {}

    def open(self, path: Path) -> IO[bytes]:
        """A file's bytes as a stream that can seek.

        Raises OSError, and InputError, here or when the stream is read, where the file is not
        what it was when it was first opened.
        """
        file = open_regular(path)
        size = os.fstat(file.fileno()).st_size
        start = _read(file, min(size, _WHOLE_BYTES) + 1)
        if len(start) <= _WHOLE_BYTES:
            file.close()
            self._keep(path, _Seal(hashlib.sha256(start).hexdigest()))
            return io.BytesIO(start)
        file.seek(0)
        seal = self._keep(path, _seal(file))
        return io.BufferedReader(_Sealed(file, seal, self._changed), _BLOCK_BYTES)

    def digest(self) -> str:
        """The SHA-256 of the files (see ``io.hashing.digest_of``), each as it was read.

        Raises InputError where one was written to or exchanged since the beginning, so that no
        volume is made of two scans, and OSError where one that was not opened cannot be read.
        """
        whole = combined(
            self._seals[path].sha256 if path in self._seals else digest_of([path])
            for path in self._paths
        )
        if [_stamp(path) for path in self._paths] != self._stamps:
            raise InputError(self._changed)
        return whole

    def _keep(self, path: Path, seal: _Seal) -> _Seal:
        if self._seals.setdefault(path, seal) != seal:
            raise InputError(self._changed)
        return seal


@dataclass(frozen=True, slots=True)
class _Seal:
    """The SHA-256 of a file and, of a large one, those of its blocks."""

    sha256: str
    size: int = 0
    blocks: tuple[bytes, ...] = ()


class _Sealed(io.RawIOBase):
    """A large file, each block compared with its seal before anything of it is given out."""

    name = ""  # pydicom asks any buffered file for one

    def __init__(self, file: BinaryIO, seal: _Seal, changed: str) -> None:
        self._file = file
        self._seal = seal
        self._changed = changed
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence == io.SEEK_END:
            offset += self._seal.size
        self._at = max(offset, 0)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        wanted = memoryview(buffer).cast("B")
        number, start = divmod(self._at, _BLOCK_BYTES)
        if number >= len(self._seal.blocks):
            return 0
        self._file.seek(number * _BLOCK_BYTES)
        block = _read(self._file, _BLOCK_BYTES)
        if hashlib.sha256(block).digest() != self._seal.blocks[number]:
            raise InputError(self._changed)
        piece = block[start : start + len(wanted)]
        wanted[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()


def _stamp(path: Path) -> tuple[int, ...]:
    """What any write to a file, and any other file in its place, changes."""
    said = path.stat()
    return said.st_dev, said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns


def _seal(file: BinaryIO) -> _Seal:
    whole, blocks = hashlib.sha256(), []
    while block := _read(file, _BLOCK_BYTES):
        whole.update(block)
        blocks.append(hashlib.sha256(block).digest())
    return _Seal(whole.hexdigest(), file.tell(), tuple(blocks))


def _read(file: BinaryIO, count: int) -> bytes:
    """So many bytes of an unbuffered file, or what is left: one call may give fewer."""
    pieces = []
    while count and (piece := file.read(count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
