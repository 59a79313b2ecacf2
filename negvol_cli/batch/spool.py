"""Search results on disk until they are needed, so that a batch of any size needs little memory.

A hundred thousand studies have thirty million slices, with 1.5 KB known of each.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import zlib
from dataclasses import dataclass, field
from typing import Any, Final

_IN_MEMORY_BYTES: Final = 2**24  # some thousand studies
_LEVEL: Final = 1  # the headers of a series repeat each other: it packs to a tenth even so


class Spool:
    """Values in memory while they are few, then in a temporary file without a name.

    That ends with the process, and nobody else can open it. Whatever is added must be picklable.
    Raises OSError where the temporary folder is full.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - as long as we

    def add(self, value: Any) -> Stored:
        """Put a value away."""
        packed = zlib.compress(pickle.dumps(value), _LEVEL)
        self._file.seek(0, os.SEEK_END)
        offset = self._file.tell()
        self._file.write(packed)
        return Stored(self, offset, len(packed))

    def read(self, offset: int, length: int) -> Any:
        """The value again; the file is our own, so that nothing strange is unpickled."""
        self._file.seek(offset)
        return pickle.loads(zlib.decompress(self._file.read(length)))  # noqa: S301


@dataclass(frozen=True, slots=True)
class Stored:
    """A value in a spool."""

    spool: Spool = field(repr=False, compare=False)
    offset: int
    length: int

    def load(self) -> Any:
        """The value itself."""
        return self.spool.read(self.offset, self.length)
