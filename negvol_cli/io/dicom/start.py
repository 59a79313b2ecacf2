"""How DICOM begins, told without pydicom: most scans are none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

START_BYTES: Final = 4096


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM does."""
    try:
        with path.open("rb") as file:
            return looks_like_dicom(file.read(START_BYTES))
    except OSError:
        return False


def looks_like_dicom(start: bytes) -> bool:
    """Return whether a file begins as DICOM does: with its mark, or with group 2 or 8."""
    if start[128:132] == b"DICM":
        return True
    group, element = start[:2], start[2:4]
    little = group in (b"\x02\x00", b"\x08\x00") and element[1:] == b"\x00"
    big = group in (b"\x00\x02", b"\x00\x08") and element[:1] == b"\x00"
    return (little or big) and len(start) > 64
