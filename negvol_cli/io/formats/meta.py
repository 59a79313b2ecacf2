"""The headers of MetaImage files, attached (.mha) and detached (.mhd).

Format: MetaIO's documentation (itk.org/Wiki/MetaIO/Documentation). Several of its fields have
synonyms, and MetaIO has a default for each that is missing (1 mm, no offset, little endian), which
is no statement of the file. Names of fields are read whatever their case.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, vector
from negvol_cli.geometry.orientation import AxisOrder
from negvol_cli.geometry.placement import Matrix
from negvol_cli.io.formats.header import Header, Packing, Placement, is_volume
from negvol_cli.io.formats.streams import ByteStream
from negvol_cli.io.formats.text_header import (
    beside,
    fields_of,
    numbers,
    read_lines,
    stated,
    whole_numbers,
)
from negvol_cli.io.header_checks import SAME_SIZE, check_spacing

_TYPES: Final = {
    "met_char": "i1",
    "met_uchar": "u1",
    "met_short": "i2",
    "met_ushort": "u2",
    "met_int": "i4",
    "met_uint": "u4",
    "met_long_long": "i8",
    "met_ulong_long": "u8",
    "met_float": "f4",
    "met_double": "f8",
}
_UNITS_MM: Final = {"": 1.0, "?": 1.0, "mm": 1.0, "cm": 10.0, "um": 0.001}
_MATRIX: Final = ("TransformMatrix", "Rotation", "Orientation")
_ORIGIN: Final = ("Offset", "Position", "Origin")
_KNOWN: Final = {
    name.lower(): name
    for name in (
        *("ObjectType", "NDims", "DimSize", "BinaryData", "CompressedData", "CompressedDataSize"),
        *("BinaryDataByteOrderMSB", "ElementByteOrderMSB", "ElementType", "ElementNBits"),
        *("ElementNumberOfChannels", "ElementSpacing", "ElementSize", "HeaderSize"),
        *("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"),
        *(*_MATRIX, *_ORIGIN, "CenterOfRotation", "AnatomicalOrientation", "DistanceUnits"),
        *("ElementDataFile",),
    )
}
_LETTERS: Final = ("rl", "ap", "is")  # from and to along each axis of LPS


def read_meta(stream: ByteStream, path: Path) -> Header:
    """The header at the start of a file, whose stream is left behind it.

    Raises InputError, or ValueError where a field has no meaning.
    """
    lines = read_lines(stream, path, lambda line: _key(line) == "elementdatafile")
    pairs = [(_KNOWN[_key(x)], x.partition("=")[2].strip()) for x in lines if _key(x) in _KNOWN]
    if "NDims" not in dict(pairs):
        raise InputError(f"{path} is not a MetaImage, whatever its name says: export it again")
    fields = fields_of(pairs, path)
    size = whole_numbers(stated(fields, path, "DimSize"), "DimSize")
    if whole_numbers(fields["NDims"], "NDims") != (len(size),):
        raise ValueError('"NDims" and "DimSize" disagree')
    data = stated(fields, path, "ElementDataFile")
    if data.startswith("LIST") or "%" in data or not _true(fields.get("BinaryData", "True")):
        raise InputError(f"{path} is a MetaImage in parts or in text: save it as one binary file")
    packed = _true(fields.get("CompressedData", "False"))
    (packed_bytes,) = whole_numbers(fields.get("CompressedDataSize", "0"), "CompressedDataSize")
    (channels,) = whole_numbers(fields.get("ElementNumberOfChannels", "1"), "channels")
    placement: Placement | None = None
    placed_notes: tuple[str, ...] = ()
    if is_volume(size):
        placement, placed_notes = _placement(fields, size, path)
    slope, intercept, scale_notes = _scale(fields, path)
    local = data.upper() == "LOCAL"
    return Header(
        size=size,
        stored=_stored(fields, path),
        placement=placement,
        offset=_offset(fields, stream.at if local else None, packed=packed),
        channels=channels,
        packing=Packing.ZLIB if packed else Packing.RAW,
        packed_bytes=packed_bytes if packed and packed_bytes > 0 else None,
        data_name=None if local else beside(data, path),
        slope=slope,
        intercept=intercept,
        notes=(*placed_notes, *scale_notes),
    )


def _key(line: str) -> str:
    name, equals, _ = line.partition("=")
    return name.strip().lower() if equals else ""


def _true(text: str) -> bool:
    if text.lower() not in {"true", "1", "false", "0"}:
        raise ValueError(f"{text[:20]!r} where True or False is expected")
    return text.lower() in {"true", "1"}


def _stored(fields: Mapping[str, str], path: Path) -> np.dtype[np.generic]:
    kind = stated(fields, path, "ElementType")
    if kind.lower() not in _TYPES:
        raise ValueError(f'"ElementType" is {kind[:40]!r}, of no certain size')
    stored: np.dtype[np.generic] = np.dtype(_TYPES[kind.lower()])
    bits = 8 * stored.itemsize
    if whole_numbers(fields.get("ElementNBits", f"{bits}"), "ElementNBits") != (bits,):
        raise ValueError('"ElementType" and "ElementNBits" disagree')
    if stored.itemsize == 1:
        return stored
    largest_first = _true(stated(fields, path, "BinaryDataByteOrderMSB", "ElementByteOrderMSB"))
    return stored.newbyteorder(">" if largest_first else "<")


def _offset(fields: Mapping[str, str], header_bytes: int | None, *, packed: bool) -> int | None:
    """Where the voxels begin; None: they end the file."""
    (skip,) = whole_numbers(fields.get("HeaderSize", "0"), "HeaderSize")
    if skip == -1 and not packed and header_bytes is None:
        return None
    if skip < 0 or (header_bytes is not None and skip not in (0, header_bytes)):
        raise ValueError(f'"HeaderSize" is {skip}')
    return skip if header_bytes is None else header_bytes


def _scale(fields: Mapping[str, str], path: Path) -> tuple[float, float, tuple[str, ...]]:
    """What turns stored values into meant ones, and what to say of it."""
    prefix = "ElementToIntensityFunction"
    slope, offset = (
        float(numbers(fields.get(prefix + name, default), 1, prefix + name)[0])
        for name, default in (("Slope", "1"), ("Offset", "0"))
    )
    if slope == 0:
        raise InputError(
            f'{path} has values that cannot be told ("{prefix}Slope" is 0): correct its header or '
            "export it again"
        )
    if (slope, offset) == (1.0, 0.0):
        return slope, offset, ()
    said = f"values were scaled by the header: {slope:g} times what is stored plus {offset:g}"
    return slope, offset, (f"{said} ({prefix}Slope and Offset)",)


def _placement(
    fields: Mapping[str, str], size: tuple[int, ...], path: Path
) -> tuple[Placement, tuple[str, ...]]:
    count = len(size)
    if not any(name in fields for name in _MATRIX):
        raise InputError(
            f"{path} does not say how the patient lies (no TransformMatrix in its header), so left "
            "and right cannot be told: export it again with its orientation"
        )
    unit = fields.get("DistanceUnits", "").lower()
    if unit not in _UNITS_MM:
        raise ValueError('"DistanceUnits" names no unit of length')
    spacing, notes = _spacing(fields, count, path)
    spacing = spacing * _UNITS_MM[unit]
    check_spacing(tuple(spacing.tolist()), path)
    matrix = numbers(stated(fields, path, *_MATRIX), count * count, "TransformMatrix")
    axes = matrix.reshape(count, count)[:3, :3].T
    lengths = np.linalg.norm(axes, axis=0)
    if not np.allclose(lengths, 1, rtol=0, atol=SAME_SIZE):
        raise ValueError('"TransformMatrix" does not contain unit vectors')
    axes = axes / lengths
    origin = numbers(stated(fields, path, *_ORIGIN), count, "Offset")[:3] * _UNITS_MM[unit]
    _check_letters(fields.get("AnatomicalOrientation", "").lower(), axes, path)
    centre = numbers(fields.get("CenterOfRotation", "0 " * count), count, "CenterOfRotation")
    if centre.any() and not np.array_equal(axes, np.eye(3)):
        raise ValueError('"CenterOfRotation" is not 0, which programs understand differently')
    return Placement(steps_mm=axes * spacing, origin_mm=origin), notes


def _spacing(fields: Mapping[str, str], count: int, path: Path) -> tuple[Matrix, tuple[str, ...]]:
    """The voxel size (3,) as stated, and what to say of it."""
    if "ElementSpacing" not in fields and "ElementSize" in fields:
        sizes = numbers(fields["ElementSize"], count, "ElementSize")[:3]
        return sizes, ("the header has no ElementSpacing: its ElementSize was taken",)
    spacing = numbers(stated(fields, path, "ElementSpacing"), count, "ElementSpacing")[:3]
    sizes = numbers(fields.get("ElementSize", fields["ElementSpacing"]), count, "ElementSize")[:3]
    if not np.allclose(sizes, spacing, rtol=SAME_SIZE, atol=0):
        raise InputError(
            f"{path} gives two voxel sizes, {fields['ElementSpacing']} mm (ElementSpacing) and "
            f"{fields['ElementSize']} mm (ElementSize): correct its header or export it again"
        )
    return spacing, ()


def _check_letters(letters: str, axes: Matrix, path: Path) -> None:
    """Refuse letters that contradict the matrix, read as where each axis comes from or goes to.

    Programs do not agree on which of the two they mean; ITK writes RAI for axes to the left, to
    posterior and to superior.
    """
    if len(letters) < 3 or "?" in letters:
        return
    order = AxisOrder.of(Grid((1, 1, 1), (1.0, 1.0, 1.0), vector(np.zeros(3)), tuple(axes.ravel())))
    come, go = [""] * 3, [""] * 3
    for world, (axis, flipped) in enumerate(zip(order.axes, order.flipped, strict=True)):
        start, end = _LETTERS[world]
        come[axis], go[axis] = (end, start) if flipped else (start, end)
    if letters[:3] not in ("".join(come), "".join(go)):
        raise InputError(
            f"{path} contradicts itself: its AnatomicalOrientation {letters[:3].upper()!a} does "
            "not fit its TransformMatrix, so left and right cannot be told; correct its header"
        )
