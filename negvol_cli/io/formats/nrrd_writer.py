"""NRRD in one packed file, with key/value pairs of its own (3D Slicer's segments)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.formats.packed_file import pack_into

_TYPES: Final = {"u1": "unsigned char", "i2": "short"}
_LEVEL: Final = 4
"""Of gzip: with 6 a CT packs 3 % better, in twice the time."""


def nrrd_of(volume: Volume, pairs: Mapping[str, str] | None = None) -> bytes:
    """A volume of uint8 or int16 as the bytes of a .nrrd file.

    ``pairs`` are the header's own keys and values; the same volume and pairs give the same bytes.
    """
    values, whole = volume.values_zyx, io.BytesIO()
    head = _header(volume.grid, values.dtype, pairs or {})
    pack_into(whole, values, _LEVEL, plain=head.encode("utf-8"))
    return whole.getvalue()


def _header(grid: Grid, kind: np.dtype[np.generic], pairs: Mapping[str, str]) -> str:
    axes = [_vector(step) for step in grid.axes.T]
    lines = [
        "NRRD0004",
        "# Complete NRRD file format specification at:",
        "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPES[np.dtype(kind).newbyteorder('=').str[1:]]}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, grid.size_xyz))}",
        f"space directions: {' '.join(axes)}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(grid.origin_mm_xyz)}",
        *(f"{key}:={value}" for key, value in pairs.items()),
    ]
    return "\n".join(lines) + "\n\n"


def _vector(numbers: object) -> str:
    return "(" + ",".join(repr(float(n)) for n in np.asarray(numbers)) + ")"
