"""Files of a study that cannot be read, and the series that they may belong to."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from negvol_cli.io.dicom.parts import Opener, Part
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.stacks import normal_of

_SEARCHED_BYTES: Final = 2**18  # UIDs stand in the first groups, before any picture
_HOLE: Final = 1.5  # of the usual step

Lost = tuple[Part, str]
"""A damaged file, and the UID of its series where that can still be read; "" where not."""


def lost(damaged: Sequence[Part]) -> list[Lost]:
    """Damaged files with what is left of their series UID."""
    return [(part, _series_uid(part)) for part in damaged]


def beside_damaged(series: Series, damaged: Sequence[Lost]) -> Series:
    """The series, unusable where a damaged file is one of its slices, or may be the missing one.

    A damaged file of no known series beside slices of which none is missing is only said.
    """
    uid = series.frames[0].common.identity.series_uid
    own = [part for part, of in damaged if of and of == uid]
    folders = {file.parent for file in series.files}
    beside = [part for part, of in damaged if not of and part.path.parent in folders]
    if series.unusable or not (own or beside):
        return series
    if own:
        return replace(series, why_not=f"{files(own)} among its slices", unusable=True)
    if _has_hole(series):
        why = f"{files(beside)} beside its slices, of which one is missing"
        return replace(series, why_not=why, unusable=True)
    said = f"{files(beside)} beside its slices, of which none is missing"
    return replace(series, notes=(*series.notes, said))


def files(damaged: Sequence[Part]) -> str:
    """How many files are damaged, and which is the first, without its name.

    The name may be the patient's.
    """
    return f"{len(damaged)} damaged or unreadable file(s) ({_which(damaged[0])})"


def _which(part: Part) -> str:
    if part.member is not None:
        return f"file {part.member + 1} of the zip"
    try:
        names = sorted(path.name for path in part.path.parent.iterdir() if path.is_file())
        return f"file {names.index(part.path.name) + 1} of {len(names)} in order of their names"
    except (OSError, ValueError):
        return "in its folder"


def _series_uid(part: Part) -> str:
    """SeriesInstanceUID (0020,000E) from the bytes of a header that has no readable end."""
    try:
        with Opener() as opener, opener.open(part) as stream:
            raw = stream.read(_SEARCHED_BYTES)
    except (OSError, zipfile.BadZipFile, RuntimeError, EOFError):
        return ""
    for order, tag in (("<", b"\x20\x00\x0e\x00"), (">", b"\x00\x20\x00\x0e")):
        at = raw.find(tag) + 4
        if at < 4 or at + 4 > len(raw):
            continue
        form = f"{order}2xH" if raw[at : at + 2] == b"UI" else f"{order}I"
        (length,) = struct.unpack_from(form, raw, at)
        value = raw[at + 4 : at + 4 + length]
        if len(value) == length and re.fullmatch(rb"[0-9.]{1,64}\0?", value):
            return value.rstrip(b"\0").decode("ascii")
    return ""


def _has_hole(series: Series) -> bool:
    """Whether neighbouring slices lie farther apart than the others do."""
    common = series.frames[0].common
    places = [frame.position_mm for frame in series.frames if frame.position_mm is not None]
    if common.axes is None or len(places) < 3:
        return True
    steps = np.diff(np.unique((np.array(places) @ normal_of(common)).round(2)))
    return bool(len(steps) == 0 or steps.max() > _HOLE * np.median(steps))
