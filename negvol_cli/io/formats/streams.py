"""Files that are read once, from start to end, and hashed and unpacked on the way."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, BinaryIO, Final

import numpy as np
from zlib_ng import zlib_ng

from negvol_cli.errors import InputError

BLOCK_BYTES: Final = 2**22
"""Between two blocks a thread waits for Python's lock, up to 5 ms while another loads modules."""
GZIP_MAGIC: Final = b"\x1f\x8b"
SLACK_BYTES: Final = 2**20

_ANY_DEFLATE: Final = 47  # zlib's "wbits" for a gzip or a zlib stream, whichever it is
_NO_WAITING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, unbuffered; a pipe or device is refused at once.

    Raises InputError for anything but a regular file, and OSError if it cannot be opened.
    """
    refuse_special(path, path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | _NO_WAITING)
    try:
        refuse_special(path, os.fstat(descriptor).st_mode)  # it may have been exchanged meanwhile
    except InputError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb", buffering=0)


def refuse_special(path: Path, mode: int) -> None:
    """Refuse anything but a file or folder, by its ``st_mode``: it may never end."""
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(
            f"{path} is a pipe, socket or device, which has no end to wait for: give a file"
        )


class HashedFile:
    """An open file whose every byte goes into a SHA-256 as it is read.

    ``size`` in bytes is asked of the system where it is not given.
    """

    def __init__(self, file: IO[bytes], size: int | None = None) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.size = os.fstat(file.fileno()).st_size if size is None else size

    def blocks(self) -> Iterator[bytes]:
        """What is left of the file, block by block."""
        while block := self._file.read(BLOCK_BYTES):
            self._sha256.update(block)
            yield block

    def read_at(self, offset: int, count: int) -> bytes:
        """So many bytes from anywhere, or what there is; the hash is worthless then."""
        self._file.seek(offset)
        return self._file.read(count)

    def digest(self) -> str:
        """The SHA-256 of the whole file, read to its end."""
        for _ in self.blocks():
            pass
        return self._sha256.hexdigest()


class ByteStream:
    """Bytes in order, from blocks of any length; nothing is read before it is asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = b""
        self.at = 0

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, or what is left, without taking them."""
        while len(self._held) < count and (block := next(self._blocks, None)) is not None:
            self._held += block
        return self._held[:count]

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes, or what is left."""
        taken = self.peek(count)
        self._held = self._held[len(taken) :]
        self.at += len(taken)
        return taken

    def fill(self, buffer: memoryview) -> int:
        """Fill a buffer of bytes; how many there were for it.

        NumPy, which copies them, lets go of Python's lock meanwhile.
        """
        filled, whole = 0, np.frombuffer(buffer, dtype=np.uint8)
        for block in self.blocks():
            part = min(len(block), len(buffer) - filled)
            whole[filled : filled + part] = np.frombuffer(block, dtype=np.uint8, count=part)
            filled += part
            if filled == len(buffer):
                self._held = block[part:]
                self.at -= len(self._held)
                break
        return filled

    def skip(self, count: int) -> int:
        """Pass over ``count`` bytes; how many there were."""
        passed = 0
        while passed < count and (part := len(self.take(min(count - passed, BLOCK_BYTES)))):
            passed += part
        return passed

    def blocks(self) -> Iterator[bytes]:
        """All that is left."""
        held, self._held = self._held, b""
        if held:
            self.at += len(held)
            yield held
        for block in self._blocks:
            self.at += len(block)
            yield block


class Unpacked:
    """The blocks of a gzip file, of several such files in one, or of a zlib stream.

    Checksums are compared on the way. ``whole`` tells after the last block whether the packed data
    had their end.
    """

    def __init__(self, blocks: Iterator[bytes], path: Path) -> None:
        self._blocks = blocks
        self._path = path
        self.whole = False

    def __iter__(self) -> Iterator[bytes]:
        """Raises InputError where the packed data are damaged, or much else lies behind them."""
        try:
            behind = yield from self._unpacked()
        except zlib_ng.error as err:  # type: ignore[misc]  # its stub calls a class a value
            raise InputError(f"{self._path} is damaged ({err}): copy or export it again") from err
        for more in chain([0], map(len, self._blocks)):
            behind += more
            if behind > SLACK_BYTES:
                raise InputError(
                    f"{self._path} contains more than {SLACK_BYTES >> 20} MiB behind its packed "
                    "voxels, which belong to no image: copy or export it again"
                )

    def _unpacked(self) -> Generator[bytes, None, int]:
        """What is packed; in the end, how many bytes of the last block lie behind it."""
        packed = b""
        while True:
            stream = zlib_ng.decompressobj(wbits=_ANY_DEFLATE)
            self.whole = False
            while not stream.eof:
                if not packed and not (packed := next(self._blocks, b"")):
                    yield stream.flush()
                    self.whole = stream.eof
                    return 0
                yield stream.decompress(packed, BLOCK_BYTES)
                packed = stream.unconsumed_tail
            self.whole = True
            packed = stream.unused_data
            if len(packed) < len(GZIP_MAGIC):
                packed += next(self._blocks, b"")
            if not packed.startswith(GZIP_MAGIC):
                return len(packed)
