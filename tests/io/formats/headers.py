"""Headers written field by field, so that each can be left out, doubled or contradicted."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.io.made_scans import ct_values

HU = ct_values()
SPACING = (1.8, 1.9, 2.0)
ORIGIN = (-30.0, 20.0, 10.0)
"""LPS mm, of the first voxel."""

META: Mapping[str, str] = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "1 0 0 0 1 0 0 0 1",
    "Offset": "-30 20 10",
    "AnatomicalOrientation": "RAI",
    "ElementSpacing": "1.8 1.9 2",
    "DimSize": "27 25 23",
    "ElementType": "MET_SHORT",
}
NRRD: Mapping[str, str] = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "27 25 23",
    "space directions": "(1.8,0,0) (0,1.9,0) (0,0,2)",
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(-30,20,10)",
}


def without(fields: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in names}


def write_meta(
    path: Path,
    fields: Mapping[str, str] | Sequence[tuple[str, str]] = META,
    data: str = "LOCAL",
    body: bytes | None = None,
    key: str = "ElementDataFile",
) -> Path:
    """A MetaImage; ``body`` follows the header if it is LOCAL, else it is a file beside it."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    head = "".join(f"{name} = {value}\n" for name, value in pairs) + f"{key} = {data}\n"
    return _written(path, head.encode(), data, body)


def write_nrrd(
    path: Path,
    fields: Mapping[str, str] | Sequence[tuple[str, str]] = NRRD,
    data: str | None = None,
    body: bytes | None = None,
) -> Path:
    """An NRRD; with ``data``, its voxels are a file of that name beside it."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    head = "NRRD0004\n" + "".join(f"{name}: {value}\n" for name, value in pairs)
    if data is not None:
        head += f"data file: {data}\n"
    return _written(path, f"{head}\n".encode(), data or "LOCAL", body)


def _written(path: Path, head: bytes, data: str, body: bytes | None) -> Path:
    body = HU.astype("<i2").tobytes() if body is None else body
    path.write_bytes(head + (body if data == "LOCAL" else b""))
    beside = data.removeprefix("./")
    if beside not in {"LOCAL", ".", ".."} and "/" not in beside:
        (path.parent / beside).write_bytes(body)
    return path


def nifti_form(axes: npt.ArrayLike, origin_lps: Sequence[float] = ORIGIN) -> tuple[float, ...]:
    """Twelve numbers of an sform, RAS, of voxel axes (3, 3) in columns, LPS mm."""
    rows = np.column_stack([np.asarray(axes, dtype=float), origin_lps])
    return tuple((rows * [[-1], [-1], [1]]).ravel())


STRAIGHT = nifti_form(np.diag(SPACING))


def nifti(
    *,
    version: int = 1,
    order: str = "<",
    values: npt.NDArray[np.generic] = HU,
    dim: Sequence[int] | None = None,
    kind: tuple[int, int] = (4, 16),
    pixdim: Sequence[float] = (1.0, *SPACING, 0, 0, 0, 0),
    offset: float | None = None,
    scale: tuple[float, float] = (1.0, 0.0),
    units: int = 2,
    codes: tuple[int, int] = (0, 1),
    quatern: Sequence[float] = (0, 0, 1, 30, -20, 10),
    rows: Sequence[float] = STRAIGHT,
    extension: bytes = b"\0\0\0\0",
) -> bytes:
    """A NIfTI file. The quaternion is half a turn about the superior axis: LPS seen from RAS."""
    shape = values.shape[::-1]
    dim = dim or (3, *shape, 1, 1, 1, 1)
    length = 348 if version == 1 else 540
    raw = bytearray(length)
    begin = length + len(extension) if offset is None else offset
    first = [
        *((0, "i", (348,)), (40, "8h", dim), (70, "2h", kind), (76, "8f", pixdim)),
        *((108, "f", (begin,)), (112, "2f", scale), (123, "b", (units,)), (252, "2h", codes)),
        *((256, "6f", quatern), (280, "12f", rows)),
    ]
    second = [
        *((0, "i", (540,)), (16, "8q", dim), (12, "2h", kind), (104, "8d", pixdim)),
        *((176, "2d", scale), (500, "i", (units,)), (344, "2i", codes)),
        *((352, "6d", quatern), (400, "12d", rows)),
    ]
    fields = first if version == 1 else [*second, (168, "q", (int(begin),))]
    for at, form, packed in fields:
        struct.pack_into(order + form, raw, at, *packed)
    if version == 1:
        raw[344:348] = b"n+1\0"
    else:
        raw[4:12] = b"n+2\0\r\n\x1a\n"
    return bytes(raw) + extension + values.astype(values.dtype.newbyteorder(order)).tobytes()


def write_nifti(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path
