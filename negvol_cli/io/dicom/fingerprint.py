"""A digest that distinguishes a series from any other, whatever its UIDs and wherever it lies."""

from __future__ import annotations

import hashlib

from negvol_cli.io.dicom.parts import Opener, zip_explained
from negvol_cli.io.dicom.series import Series

_BLOCK_BYTES = 2**20


def fingerprint(series: Series) -> str:
    """A SHA-256 of the UIDs and places of all images, and of the bytes of the middle one.

    Programs that make DICOM anonymous may give all patients the same UIDs; the noise of a CT is
    never the same. Raises InputError or OSError where that image cannot be read.
    """
    frames = {(f.position_mm or (), f.instance, f.index): f for f in reversed(series.frames)}
    middle = frames[sorted(frames)[len(frames) // 2]].part
    found = hashlib.sha256(series.digest.encode("ascii"))
    with zip_explained(middle.path), Opener() as opener, opener.open(middle) as stream:
        while block := stream.read(_BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()
