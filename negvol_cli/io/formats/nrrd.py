"""The headers of NRRD files, attached (.nrrd) and detached (.nhdr).

Format: teem.sourceforge.net/nrrd/format.html. Names of fields and types are read whatever their
case, as Teem reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
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
from negvol_cli.io.header_checks import SAME_SIZE

_TYPES: Final = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(
        ("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"
    ),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "signed long long int"), "i8"
    ),
    **dict.fromkeys(("int64", "int64_t"), "i8"),
    **dict.fromkeys(("ulonglong", "unsigned long long", "unsigned long long int"), "u8"),
    **dict.fromkeys(("uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
# LPS from the world of each space
_SPACES: Final = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1.0, 1.0, 1.0)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1.0, -1.0, 1.0)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1.0, -1.0, 1.0)),
}
_PACKINGS: Final = {"raw": Packing.RAW, "gzip": Packing.GZIP, "gz": Packing.GZIP}
_UNITS_MM: Final = {
    **dict.fromkeys(("", "mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), 10.0),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), 1000.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre"), 0.001),
}


def read_nrrd(stream: ByteStream, path: Path) -> Header:
    """The header at the start of a file, whose stream is left behind it.

    Raises InputError, or ValueError where a field has no meaning.
    """
    lines = read_lines(stream, path, lambda line: not line)
    if not lines or not re.match(r"NRRD000[1-5]\s*$", lines[0]):
        raise InputError(f"{path} is not an NRRD image, whatever its name says: export it again")
    fields = fields_of(_pairs(lines[1:]), path)
    size = whole_numbers(stated(fields, path, "sizes"), "sizes")
    if whole_numbers(stated(fields, path, "dimension"), "dimension") != (len(size),):
        raise ValueError('"dimension" and "sizes" disagree')
    axes, channels = _space_axes(fields, len(size)), 1
    if axes == [1, 2, 3] and len(size) == 4:  # a list of values at each voxel
        channels, size, axes = size[0], size[1:], axes
    elif len(axes) >= 3 and all(n == 1 for i, n in enumerate(size) if i not in axes):
        size = tuple(size[i] for i in axes)
    else:
        axes = list(range(len(size)))
    packing, offset = _packing(fields, path)
    data_name = fields.get("data file")
    return Header(
        size=size,
        channels=channels,
        stored=_stored(fields, path),
        placement=_placement(fields, size, axes, path) if is_volume(size) else None,
        offset=offset if data_name is not None or offset is None else offset + stream.at,
        packing=packing,
        data_name=None if data_name is None else beside(data_name, path),
        pairs=_own_pairs(lines[1:]),
    )


def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
    """The fields, without comments ("#") and pairs of a key and a value (":=")."""
    pairs = []
    for line in lines:
        if line.startswith("#") or ":=" in line or not line:
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a line of its header is not a field")
        pairs.append((_name(name), value.strip()))
    return pairs


def _own_pairs(lines: Sequence[str]) -> Mapping[str, str]:
    """Keys and values that are none of the format's; of a key that comes twice the last."""
    found = {}
    for line in lines:
        key, mark, value = line.partition(":=")
        if mark and not line.startswith("#"):
            found[key] = value
    return found


def _name(name: str) -> str:
    """A field's name as the format's definition spells it."""
    name = " ".join(name.lower().split())
    joined = {"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip"}
    more = {"axismins": "axis mins", "axismaxs": "axis maxs", "oldmin": "old min"}
    return {**joined, **more, "oldmax": "old max"}.get(name, name)


def _packing(fields: Mapping[str, str], path: Path) -> tuple[Packing, int | None]:
    """How the voxels are packed, and after how many bytes they begin; None: they end the file."""
    encoding = stated(fields, path, "encoding").lower()
    packing = _PACKINGS.get(encoding)
    data = fields.get("data file", "")
    if packing is None or data.startswith("LIST") or "%" in data:
        raise InputError(
            f"{path} is an NRRD with {encoding} voxels or parts that negvol does not read: "
            "save it as one file, encoding raw or gzip"
        )
    (lines,) = whole_numbers(fields.get("line skip", "0"), "line skip")
    (skip,) = whole_numbers(fields.get("byte skip", "0"), "byte skip")
    if lines or skip < -1 or (skip and packing is not Packing.RAW):
        raise InputError(
            f"{path} is an NRRD with a line skip of {lines} and a byte skip of {skip}, which "
            "negvol reads of raw voxels only, without lines: save it again in one file"
        )
    return packing, None if skip == -1 else skip


def _stored(fields: Mapping[str, str], path: Path) -> np.dtype[np.generic]:
    kind = " ".join(stated(fields, path, "type").lower().split())
    if kind not in _TYPES:
        raise ValueError(f'"type" is {kind[:40]!r}, no number')
    for name in ("old min", "old max"):
        if fields.get(name, "nan").lower() != "nan":
            raise InputError(
                f'{path} says by its field "{name}" that its values were rescaled, and not how '
                "they become Hounsfield units: export it again without"
            )
    stored: np.dtype[np.generic] = np.dtype(_TYPES[kind])
    if stored.itemsize == 1:
        return stored
    endian = stated(fields, path, "endian").lower()
    if endian not in ("little", "big"):
        raise ValueError('"endian" is neither little nor big')
    return stored.newbyteorder("<" if endian == "little" else ">")


def _space_axes(fields: Mapping[str, str], dimension: int) -> list[int]:
    """Which axes lie in the world: those with a direction."""
    directions = _directions(fields)
    if len(directions) != dimension:
        return list(range(dimension))
    return [i for i, direction in enumerate(directions) if direction != "none"]


def _directions(fields: Mapping[str, str]) -> list[str]:
    return re.findall(r"none|\([^()]*\)", fields.get("space directions", "").lower())


def _placement(
    fields: Mapping[str, str], size: tuple[int, ...], axes: Sequence[int], path: Path
) -> Placement:
    space = fields.get("space", "").lower()
    if space not in _SPACES or "space directions" not in fields:
        raise InputError(
            f"{path} does not say how the patient lies (no anatomical space and space directions "
            "in its header), so left and right cannot be told: export it again"
        )
    directions = [d for d in _directions(fields) if d != "none"]
    if len(directions) != len(size) or len(size) != 3:
        raise ValueError('"space directions" are not those of three axes')
    origin = stated(fields, path, "space origin").strip("() \t").replace(",", " ")
    to_lps = np.array(_SPACES[space])
    units = _units_mm(fields, axes)
    steps = [
        numbers(d.strip("()").replace(",", " "), 3, "space directions") * units[0]
        for d in directions
    ]
    placed = np.column_stack(steps) * to_lps[:, None]
    _check_spacings(fields, axes, np.linalg.norm(placed, axis=0) / units[0], path)
    return Placement(
        steps_mm=placed, origin_mm=numbers(origin, 3, "space origin") * units[0] * to_lps
    )


def _units_mm(fields: Mapping[str, str], axes: Sequence[int]) -> Matrix:
    """How many mm the unit of each axis of the world is (3,); they must be one unit."""
    of_space = re.findall(r'"([^"]*)"', fields.get("space units", "")) or [""] * 3
    of_axes = re.findall(r'"([^"]*)"|(\S+)', fields.get("units", "")) or [("", "")]
    words = {word.strip().lower() for word in of_space}
    if len(of_axes) > max(axes):
        words |= {(of_axes[i][0] or of_axes[i][1]).strip().lower() for i in axes}
    words -= {"", "???", "none"}
    unknown = sorted(word for word in words if word not in _UNITS_MM)
    sizes = {_UNITS_MM[word] for word in words if word in _UNITS_MM} or {1.0}
    if unknown or len(sizes) > 1:
        raise ValueError(
            f'"space units" and "units" name {" and ".join(sorted(words))[:60]}, no one unit'
        )
    return np.full(3, sizes.pop())


def _check_spacings(
    fields: Mapping[str, str], axes: Sequence[int], sizes: Matrix, path: Path
) -> None:
    """Refuse a voxel size, or a place along an axis, stated beside the directions in the space."""
    for name in ("spacings", "axis mins", "axis maxs"):
        words = fields.get(name, "").lower().split()
        given = [words[i] for i in axes if i < len(words) and words[i] != "nan"]
        if not given:
            continue
        if name == "spacings" and _same(given, sizes):
            continue
        raise InputError(
            f'{path} contradicts itself: its "{name}" ({" ".join(given)[:60]}) are not those of '
            "its space directions; correct its header or export it again"
        )


def _same(words: Sequence[str], sizes: Matrix) -> bool:
    said = numbers(" ".join(words), len(words), "spacings")
    return len(said) == len(sizes) and np.allclose(said, sizes, rtol=SAME_SIZE, atol=0)
