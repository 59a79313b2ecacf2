"""The headers of NIfTI, NRRD and MetaImage files, as far as their checks need them.

Formats: nifti1.h (nifti.nimh.nih.gov), the NRRD definition
(teem.sourceforge.net/nrrd) and MetaIO's documentation (itk.org/Wiki/MetaIO).
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.io.header_checks import Header, Packing
from negvol_cli.io.output_folder import is_text

_GZIP_MAGIC: Final = b"\x1f\x8b"
_NIFTI_BYTES: Final = 348
_UNIT_MM: Final = {1: 1000.0, 3: 0.001}  # metres, micrometres; all else is millimetres
_TEXT_BYTES: Final = 2**16
_NRRD_FIELD_CHARACTERS: Final = 500  # from about 1016 on, teem writes beyond its buffers

# words of NRRD's many spellings of its types, the first found counts: "unsigned short int" is 2
_NRRD_BYTES: Final = {
    **dict.fromkeys(("char", "int8"), 1),
    **dict.fromkeys(("short", "int16"), 2),
    **dict.fromkeys(("long", "int64", "double"), 8),
    **dict.fromkeys(("int", "float"), 4),
}
_NRRD_SPACES: Final = {
    *("left-posterior-superior", "lps", "right-anterior-superior", "ras"),
    *("left-anterior-superior", "las"),
}
_META_BYTES: Final = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}


def read_header(path: Path) -> Header:
    """The header of an image file, its format taken from the name.

    Raises InputError where the file is missing, empty, unreadable, of an unknown extension, or not
    what its extension says.
    """
    if not is_text(path):  # ITK ends the whole process
        raise InputError(f"the name {str(path)!a} is no text (UTF-8): rename the file or folder")
    try:
        length = path.stat().st_size
        reader = _reader_for(path)
        if length == 0:
            raise InputError(f"{path} is empty (0 bytes): copy or export it again")
        header = reader(path)
        if not header.data_file.is_file():
            raise InputError(
                f"{path} keeps its voxels in {header.data_file.name}, which is not beside it: "
                "copy both files"
            )
    except FileNotFoundError as err:
        raise InputError(f"{path} does not exist: check the path") from err
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise InputError(f"{path} is damaged ({err}): copy or export it again") from err
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err
    except (KeyError, StopIteration, ValueError, OverflowError, struct.error) as err:
        raise InputError(
            f"{path} is not a usable {path.suffix} image: its header cannot be understood ({err})"
        ) from err
    return header


def _reader_for(path: Path) -> Callable[[Path], Header]:
    name = path.name.lower()
    for endings, reader in (
        ((".nii", ".nii.gz"), _nifti),
        ((".nrrd", ".nhdr"), _nrrd),
        ((".mha", ".mhd"), _meta),
    ):
        if name.endswith(endings):
            return reader
    raise InputError(
        f"{path} is no image that negvol reads: give a .nii, .nii.gz, .nrrd, .mha or .mhd file, "
        "or a folder or .zip of one DICOM series"
    )


def _nifti(path: Path) -> Header:
    """NIfTI-1 in one file, packed or not whatever its name says."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        raw = file.read(_NIFTI_BYTES)
    if len(raw) < _NIFTI_BYTES:
        raise InputError(f"{path} is cut short within its header: copy or export it again")
    if raw[4:7] == b"n+2":
        raise InputError(
            f"{path} is a NIfTI-2 file, which negvol does not read: save it as NIfTI-1 or NRRD"
        )
    order = "<" if struct.unpack_from("<i", raw) == (_NIFTI_BYTES,) else ">"
    if struct.unpack_from(f"{order}i", raw) != (_NIFTI_BYTES,) or raw[344:347] != b"n+1":
        raise InputError(
            f"{path} is not a NIfTI image in one file, whatever its name says: export it again"
        )
    dim = struct.unpack_from(f"{order}8h", raw, 40)
    kind, bits = struct.unpack_from(f"{order}2h", raw, 70)
    pixdim = struct.unpack_from(f"{order}8f", raw, 76)
    (offset,) = struct.unpack_from(f"{order}f", raw, 108)
    codes = struct.unpack_from(f"{order}2h", raw, 252)
    rows = struct.unpack_from(f"{order}12f", raw, 280)
    if not 1 <= dim[0] <= 7:
        raise ValueError(f"{dim[0]} dimensions")
    unit = _UNIT_MM.get(raw[123] & 7, 1.0)
    steps = np.array(rows, dtype=np.float64).reshape(3, 4)[:, :3] * unit
    return Header(
        size=tuple(int(n) for n in dim[1 : dim[0] + 1]),
        voxel_bytes=bits / 8,
        data_file=path,
        offset=max(int(offset), _NIFTI_BYTES),
        packing=Packing.GZIP if packed else Packing.RAW,
        whole_file_packed=packed,
        oriented=codes[0] > 0 or codes[1] > 0,
        spacing_mm=tuple(float(s) * unit for s in pixdim[1:4]),
        float_type={16: f"{order}f4", 64: f"{order}f8"}.get(kind, ""),
        steps_mm=steps if codes[1] > 0 else None,
    )


def _nrrd(path: Path) -> Header:
    text, offset = _text_header(path, b"\n\n", b"\r\n\r\n")
    if not text.startswith("NRRD"):
        raise InputError(f"{path} is not an NRRD image, whatever its name says: export it again")
    if any(len(line) > _NRRD_FIELD_CHARACTERS for line in _nrrd_field_lines(text)):
        raise InputError(
            f"{path} has a damaged header: a field of over {_NRRD_FIELD_CHARACTERS} characters; "
            "copy or export it again"
        )
    fields = _fields(text, ":")
    encoding = fields["encoding"].lower()
    packing = {"raw": Packing.RAW, "gzip": Packing.GZIP, "gz": Packing.GZIP}.get(encoding)
    data = fields.get("data file", fields.get("datafile"))
    skips = [int(fields.get(f"{k} skip", fields.get(f"{k}skip", "0"))) for k in ("line", "byte")]
    if packing is None or any(skips) or (data and (data.startswith("LIST") or "%" in data)):
        raise InputError(
            f"{path} is an NRRD with {encoding} voxels or parts that negvol does not read: "
            "save it as one file, encoding raw or gzip"
        )
    return Header(
        size=_integers(fields["sizes"]),
        voxel_bytes=next(n for word, n in _NRRD_BYTES.items() if word in fields["type"].lower()),
        data_file=path.parent / data if data else path,
        offset=0 if data else offset,
        packing=packing,
        oriented=fields.get("space", "").lower() in _NRRD_SPACES and "space directions" in fields,
    )


def _nrrd_field_lines(text: str) -> list[str]:
    """The lines that are neither comments nor pairs of a key and a value (":="), of any length."""
    return [line for line in text.split("\n") if not line.startswith("#") and ":=" not in line]


def _meta(path: Path) -> Header:
    text, offset = _text_header(path, b"ElementDataFile", b"ElementDataFile")
    if "NDims" not in text:
        raise InputError(f"{path} is not a MetaImage, whatever its name says: export it again")
    fields = _fields(text, "=")
    data = fields["ElementDataFile"]
    if data.startswith("LIST") or "%" in data or not _true(fields.get("BinaryData", "True")):
        raise InputError(f"{path} is a MetaImage in parts or in text: save it as one binary file")
    packed = _true(fields.get("CompressedData", "False"))
    stated = fields.get("CompressedDataSize")
    return Header(
        size=_integers(fields["DimSize"]),
        voxel_bytes=_META_BYTES[fields["ElementType"]]
        * int(fields.get("ElementNumberOfChannels", "1")),
        data_file=path if data == "LOCAL" else path.parent / data,
        offset=offset if data == "LOCAL" else max(int(fields.get("HeaderSize", "0")), 0),
        packing=Packing.ZLIB if packed else Packing.RAW,
        packed_bytes=int(stated) if packed and stated else None,
        oriented=any(key in fields for key in ("TransformMatrix", "Rotation", "Orientation")),
    )


def _text_header(path: Path, *ends: bytes) -> tuple[str, int]:
    """The text in front of the voxels and its length in bytes.

    It ends after the first of ``ends`` (a blank line), or with the line that begins so.
    """
    with path.open("rb") as file:
        raw = file.read(_TEXT_BYTES)
    found = [(raw.index(end), end) for end in ends if end in raw]
    if not found and len(raw) == _TEXT_BYTES:
        raise InputError(
            f"{path} has no end of its header within {_TEXT_BYTES >> 10} KiB, so it is damaged or "
            "no image: copy or export it again"
        )
    if not found:
        return raw.decode("latin-1"), len(raw)
    at, end = min(found)
    length = at + len(end)
    if end.strip():
        length = raw.find(b"\n", length) + 1 or len(raw)
    return raw[:length].decode("utf-8", errors="replace"), length


def _fields(text: str, separator: str) -> Mapping[str, str]:
    lines = (line.split(separator, 1) for line in text.splitlines() if separator in line)
    return {key.strip(): value.strip() for key, value in lines}


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


def _true(text: str) -> bool:
    return text.lower() in {"true", "1"}
