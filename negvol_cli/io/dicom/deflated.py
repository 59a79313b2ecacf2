"""Deflated DICOM files: pydicom inflates a whole one at once, so bombs are recognised before."""

from __future__ import annotations

import zlib
from typing import IO, Final

DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
MOST_BYTES: Final = 2**31

_BLOCK_BYTES: Final = 2**20
_MOST_PACKED: Final = 200  # a real CT packs to a third; blank images pack a thousandfold


def check_deflated(start: bytes, stream: IO[bytes]) -> None:
    """Raise ValueError for a deflated file that unpacks to far more than any image.

    ``start`` is the beginning of the file. What is unpacked is counted and thrown away.
    """
    if DEFLATED not in start[132:1024]:
        return
    length = start.find(b"\x02\x00\x00\x00UL")  # (0002,0000), the length of the file's meta group
    if length < 0:
        raise ValueError("no group length")
    meta = length + 12 + int.from_bytes(start[length + 8 : length + 12], "little")
    stream.seek(meta)
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = unpacked = 0
    while block := stream.read(_BLOCK_BYTES):
        packed += len(block)
        while block and not inflate.eof:
            unpacked += len(inflate.decompress(block, _BLOCK_BYTES))
            block = inflate.unconsumed_tail
            if unpacked > max(_MOST_PACKED * packed, 16 * _BLOCK_BYTES) or unpacked > MOST_BYTES:
                raise ValueError("a deflate bomb")
        if inflate.eof:
            return
