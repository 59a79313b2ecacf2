"""The headers of NIfTI-1 and NIfTI-2 in one file (nifti.nimh.nih.gov: nifti1.h, nifti2.h)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.io.formats.header import Header, Packing, Placement, is_volume
from negvol_cli.io.formats.nifti_forms import Forms, placed
from negvol_cli.io.formats.streams import ByteStream
from negvol_cli.io.header_checks import check_spacing

_MOST_EXTENDED: Final = 2**26  # extensions hold text, and a packed file could claim any length
_UNITS_MM: Final = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_NUMBERS: Final = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_COLOURS: Final = {128: 3, 2304: 4}


@dataclass(frozen=True, slots=True)
class _Fields:
    """Offset and struct format of the fields in the header of one version."""

    length: int
    dim: tuple[int, str]
    kind: tuple[int, str]
    pixdim: tuple[int, str]
    offset: tuple[int, str]
    scale: tuple[int, str]
    units: tuple[int, str]
    codes: tuple[int, str]
    quatern: tuple[int, str]
    rows: tuple[int, str]


_FIRST: Final = _Fields(
    348,
    *((40, "8h"), (70, "2h"), (76, "8f"), (108, "f"), (112, "2f"), (123, "b"), (252, "2h")),
    *((256, "6f"), (280, "12f")),
)
_SECOND: Final = _Fields(
    540,
    *((16, "8q"), (12, "2h"), (104, "8d"), (168, "q"), (176, "2d"), (500, "i"), (344, "2i")),
    *((352, "6d"), (400, "12d")),
)


@dataclass(frozen=True, slots=True)
class _Raw:
    """The bytes of a header and how they are read."""

    content: bytes
    order: str
    fields: _Fields

    def of(self, field: tuple[int, str]) -> tuple[float, ...]:
        """The numbers of one field."""
        return struct.unpack_from(self.order + field[1], self.content, field[0])


def read_nifti(stream: ByteStream, path: Path, *, packed: bool) -> Header:
    """The header at the start of an unpacked stream, which is left at the voxels.

    Raises InputError, or ValueError where a field has no meaning.
    """
    raw = _raw(stream, path)
    fields = raw.fields
    size = _size(raw.of(fields.dim))
    stored, channels = _type(raw.of(fields.kind), raw.order, path)
    slope, intercept = _scale(raw.of(fields.scale), path)
    offset = _offset(raw.of(fields.offset)[0], fields.length, path)
    placement, notes = _placement(raw, size, path) if is_volume(size) else (None, ())
    _pass_extensions(stream, offset, raw.order, path)
    return Header(
        size=size,
        stored=stored,
        placement=placement,
        offset=offset,
        channels=channels,
        packing=Packing.GZIP if packed else Packing.RAW,
        whole_file_packed=packed,
        slope=slope,
        intercept=intercept,
        notes=notes,
    )


def _raw(stream: ByteStream, path: Path) -> _Raw:
    """The bytes of the header, of either version and byte order."""
    start = stream.take(4)
    if len(start) < 4:
        raise _cut_short(path)
    lengths = {order: struct.unpack(f"{order}i", start)[0] for order in "<>"}
    order = next((o for o, n in lengths.items() if n in (_FIRST.length, _SECOND.length)), None)
    if order is None:
        raise _foreign(path)
    fields = _FIRST if lengths[order] == _FIRST.length else _SECOND
    content = start + stream.take(fields.length - 4)
    if len(content) < fields.length:
        raise _cut_short(path)
    magic = content[344:347] if fields is _FIRST else content[4:7]
    if magic != (b"n+1" if fields is _FIRST else b"n+2"):
        raise _foreign(path)
    return _Raw(content, order, fields)


def _placement(raw: _Raw, size: tuple[int, ...], path: Path) -> tuple[Placement, tuple[str, ...]]:
    """Where a volume lies, and what to say of it."""
    fields = raw.fields
    unit, unnamed = _unit(int(raw.of(fields.units)[0]))
    pixdim = raw.of(fields.pixdim)
    check_spacing(tuple(s * unit for s in pixdim[1:4]), path)
    qform_code, sform_code = (int(code) for code in raw.of(fields.codes))
    forms = Forms(
        qform_code=qform_code,
        sform_code=sform_code,
        pixdim=pixdim,
        quatern=raw.of(fields.quatern),
        rows=raw.of(fields.rows),
        unit_mm=unit,
    )
    (steps, origin), said = placed(forms, (size[0], size[1], size[2]), path)
    return Placement(steps_mm=steps, origin_mm=origin), (*unnamed, *said)


def _cut_short(path: Path) -> InputError:
    return InputError(f"{path} is cut short within its header: copy or export it again")


def _foreign(path: Path) -> InputError:
    return InputError(
        f"{path} is not a NIfTI image in one file, whatever its name says (ANALYZE and pairs of "
        ".hdr and .img are not read): export it again as .nii"
    )


def _size(dim: tuple[float, ...]) -> tuple[int, ...]:
    count = int(dim[0])
    if not 1 <= count <= 7:
        raise ValueError(f"dim says {count} dimensions")
    return tuple(int(n) for n in dim[1 : count + 1])


def _type(kind: tuple[float, ...], order: str, path: Path) -> tuple[np.dtype[np.generic], int]:
    """Type of a value and values per voxel; datatype and bitpix must agree."""
    code, bits = int(kind[0]), int(kind[1])
    channels = _COLOURS.get(code, 1)
    name = "u1" if code in _COLOURS else _NUMBERS.get(code)
    if name is None:
        raise ValueError(f"voxels of datatype {code}")
    stored: np.dtype[np.generic] = np.dtype(order + name)
    if bits != 8 * channels * stored.itemsize:
        raise InputError(
            f"{path} contradicts itself: datatype {code} has {8 * channels * stored.itemsize} bits "
            f"and bitpix says {bits}; correct its header or export it again"
        )
    return stored, channels


def _scale(scale: tuple[float, ...], path: Path) -> tuple[float, float]:
    """scl_slope and scl_inter; a slope of 0 says by definition that nothing is scaled.

    Many programs write NaN for the same.
    """
    slope, intercept = scale
    if slope == 0 or math.isnan(slope):
        if intercept == 0 or math.isnan(intercept):
            return 1.0, 0.0
        raise InputError(
            f"{path} contradicts itself: scl_slope {slope:g} says that values are not scaled, and "
            f"scl_inter is {intercept:g}; correct its header or export it again"
        )
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputError(
            f"{path} has values that cannot be told (scl_slope {slope:g}, scl_inter "
            f"{intercept:g}): correct its header or export it again"
        )
    return slope, intercept


def _offset(offset: float, length: int, path: Path) -> int:
    least = length + 4
    if not (least <= offset <= _MOST_EXTENDED and offset == int(offset)):
        raise InputError(
            f"{path} says that its voxels begin at byte {offset:g} (vox_offset), and they begin "
            f"behind its header of {least} bytes, at most {_MOST_EXTENDED >> 20} MiB on: correct "
            "it or export the image again"
        )
    return int(offset)


def _unit(units: int) -> tuple[float, tuple[str, ...]]:
    """One unit of length in mm, by xyzt_units, and what to say of it."""
    code = units & 7
    if code not in _UNITS_MM:
        raise ValueError(f"xyzt_units {units} names no unit of length")
    if code:
        return _UNITS_MM[code], ()
    return 1.0, ("the header names no unit of length (xyzt_units): millimetres were taken",)


def _pass_extensions(stream: ByteStream, offset: int, order: str, path: Path) -> None:
    """Go on to the voxels; InputError where an extension reaches into them."""
    extended = stream.take(4)[:1] not in (b"", b"\0")
    between = stream.take(offset - stream.at)
    at = 0
    while extended and at + 8 <= len(between):
        (length,) = struct.unpack_from(f"{order}i", between, at)
        if length == 0:
            break
        if length < 8 or at + length > len(between):
            raise InputError(
                f"{path} contradicts itself: an extension of its header reaches beyond the start "
                f"of its voxels (vox_offset {offset}); export it again"
            )
        at += length
