"""Compressed images: whether there is a decoder for them, and the size that they state."""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import Final

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from negvol_cli.io.dicom.attributes import text_of

_JPEG_2000: Final = b"\xff\x4f\xff\x51"  # start of codestream, then its size (ISO 15444-1 A.5.1)
_JPEG: Final = b"\xff\xd8"
_SIZES: Final = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # frame headers; F7 is JPEG-LS
_SEARCHED: Final = 2**12  # bytes; the size stands in a code stream's first hundred


def unreadable_syntax(data: Dataset) -> str:
    """Return the transfer syntax of a file if no decoder here knows it, otherwise ""."""
    syntax = text_of(getattr(data, "file_meta", Dataset()), "TransferSyntaxUID")
    return "" if not syntax or _is_decoded(syntax) else re.sub(r"[^0-9.]", "?", syntax)[:64]


@cache
def _is_decoded(syntax: str) -> bool:
    try:
        return bool(get_decoder(UID(syntax)).is_available)
    except NotImplementedError:
        return False


def check_codestreams(data: Dataset) -> None:
    """Raise ValueError if a frame of ``data`` has another size than its header says."""
    announced = int(data.Columns), int(data.Rows)
    frames = generate_frames(data.PixelData, number_of_frames=int(data.get("NumberOfFrames") or 1))
    for frame in frames:
        size = size_of(frame)
        if size is not None and size != announced:
            raise ValueError(f"an image of {size} where {announced} was announced")


def size_of(frame: bytes) -> tuple[int, int] | None:
    """Return columns and rows of a JPEG, JPEG-LS or JPEG 2000 image, or None for anything else."""
    at = frame.find(_JPEG_2000, 0, _SEARCHED)
    if at >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, at + 8)
        return right - left, bottom - top
    if frame[:2] != _JPEG:
        return None
    at = 2
    while at + 9 <= len(frame) and frame[at] == 0xFF:
        marker, length = struct.unpack_from(">xBH", frame, at)
        if marker in _SIZES:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return columns, rows
        at += 2 + length
    raise ValueError("a JPEG image without a size")
