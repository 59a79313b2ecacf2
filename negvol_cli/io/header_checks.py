"""What an image file says of itself, checked before any voxel is read or memory taken.

ITK alone would not do: it repairs a spacing of zero to one in silence, fills what is missing of a
truncated NIfTI with zeros, overlooks checksums, and takes the memory that a header asks for.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid

MAX_SIDE: Final = 1024
MAX_VOXELS: Final = MAX_SIDE**3
SPACING_LIMITS_MM: Final = (0.05, 10.0)
LEAST_SCAN_MM: Final = 40.0

_MOST_DEFLATE: Final = 1032  # no deflate stream unpacks to more times its size (zlib's manual)
_BIG_BYTES: Final = 2**29
_MOST_FOR_BIG: Final = 200  # a real CT packs to a third; blank images pack a thousandfold
_SLACK_BYTES: Final = 2**20
_BLOCK_BYTES: Final = 2**16
_ANY_DEFLATE: Final = 47  # zlib's "wbits" for a gzip or a zlib stream, whichever it is


class Packing(StrEnum):
    """How the voxels lie in their file."""

    RAW = "raw"
    GZIP = "gzip"
    ZLIB = "zlib"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """The part of a header that tells how much data must follow, and whether it is placed.

    The voxels are ``size`` (any number of axes) times ``voxel_bytes``, in ``data_file`` after
    ``offset`` bytes: bytes of the unpacked file where ``whole_file_packed``, else of the file.
    ``packed_bytes`` is the packed size where the header gives it. ``oriented`` is whether the file
    says how the patient lies. Of a NIfTI, ``spacing_mm`` is the voxel size of its pixdim,
    ``steps_mm`` (3, 3) the columns of its sform, and ``float_type`` numpy's name of the type of its
    voxels where they are floats; empty for other formats, which ITK reads truly.
    """

    size: tuple[int, ...]
    voxel_bytes: float
    data_file: Path
    offset: int
    packing: Packing = Packing.RAW
    whole_file_packed: bool = False
    packed_bytes: int | None = None
    oriented: bool = True
    spacing_mm: tuple[float, ...] = ()
    steps_mm: npt.NDArray[np.float64] | None = None
    float_type: str = ""

    @property
    def data_bytes(self) -> int:
        """Bytes of the voxels, unpacked."""
        return math.ceil(math.prod(self.size) * self.voxel_bytes)


def check_header(header: Header, path: Path) -> None:
    """Refuse a header that cannot belong to a usable scan.

    Raises InputError, naming ``path``: not three axes, impossible or huge size, spacing out of
    bounds or contradictory, no orientation, more data announced than the file can hold, or much
    more held than announced; and what ITK would read as zero: voxels that are not finite.
    """
    size = _by(header.size)
    if len(header.size) < 3:
        raise InputError(f"{path} is a 2D image ({size}): negvol needs the whole scan, in 3D")
    if any(n != 1 for n in header.size[3:]):
        raise InputError(
            f"{path} has {len(header.size)} axes ({size}), as a colour image or a series in time "
            "has: give one 3D CT"
        )
    if any(n < 1 for n in header.size):
        raise InputError(f"{path} has a damaged header: it claims {size} voxels; export it again")
    if math.prod(header.size) > MAX_VOXELS:
        raise InputError(
            f"{path} claims {size} voxels, more than the {MAX_SIDE} cubed that negvol reads: "
            "crop the scan to the head, or export it again if the header is damaged"
        )
    if header.spacing_mm:
        check_spacing(header.spacing_mm, path)
    if header.steps_mm is not None:
        _check_sform(header.steps_mm, header.spacing_mm, path)
    if not header.oriented:
        raise InputError(
            f"{path} does not say how the patient lies (no orientation in its header), so left "
            "and right cannot be told: export it again with its orientation"
        )
    _check_held(header, path)
    if header.float_type:
        _check_finite(header, path)


def check_spacing(spacing_mm: tuple[float, ...], path: Path) -> None:
    """Refuse a voxel size of zero, negative, not a number, or beyond ``SPACING_LIMITS_MM``."""
    low, high = SPACING_LIMITS_MM
    if not all(low <= s <= high for s in spacing_mm):
        raise InputError(
            f"{path} has voxels of {_by(spacing_mm)} mm, outside {low:g} to {high:g} mm: "
            "correct the spacing in its header or export it again"
        )


def check_grid(grid: Grid, path: Path, *, least_mm: float = 0.0) -> None:
    """Refuse a grid with one slice, odd spacing, oblique-angled axes or too small an extent."""
    if min(grid.size_xyz) == 1:
        raise InputError(f"{path} is a single slice: negvol needs the whole scan")
    check_spacing(grid.spacing_mm_xyz, path)
    _check_right_angles(np.array(grid.direction).reshape(3, 3), path)
    extent = [n * s for n, s in zip(grid.size_xyz, grid.spacing_mm_xyz, strict=True)]
    if min(extent) < least_mm:
        raise InputError(
            f"{path} covers only {_by(round(e) for e in extent)} mm, less than {least_mm:g} mm in "
            "one direction: negvol needs a scan that shows a whole joint"
        )


def _check_sform(steps_mm: npt.NDArray[np.float64], said: tuple[float, ...], path: Path) -> None:
    """Refuse an sform with shear, or with another voxel size than pixdim's by more than 2 %."""
    placed = np.linalg.norm(steps_mm, axis=0)
    if not np.allclose(placed, said, rtol=0.02):
        raise InputError(
            f"{path} gives two voxel sizes, {_by(said)} mm (pixdim) and {_by(placed)} mm (sform): "
            "correct its header or export it again"
        )
    _check_right_angles(steps_mm / placed, path)


def _check_right_angles(axes: npt.NDArray[np.float64], path: Path) -> None:
    """Refuse unit axes (3, 3), in columns, that are sheared or collapsed."""
    if not np.allclose(axes.T @ axes, np.eye(3), atol=2e-3):
        raise InputError(
            f"{path} has axes that are not at right angles (a tilted gantry or a damaged "
            "header): resample it to a straight grid first"
        )


def _check_held(header: Header, path: Path) -> None:
    """Compare what the header announces with what the data file holds."""
    held = header.data_file.stat().st_size - (0 if header.whole_file_packed else header.offset)
    if header.packing is Packing.RAW:
        if held < header.data_bytes:
            raise _truncated(path, header.data_bytes, held)
        return
    packed = header.packed_bytes if header.packed_bytes is not None else held
    announced = header.data_bytes + (header.offset if header.whole_file_packed else 0)
    if packed > held:
        raise _truncated(path, packed, held)
    most = _MOST_FOR_BIG if announced > _BIG_BYTES else _MOST_DEFLATE
    if announced > packed * most + _SLACK_BYTES:
        raise InputError(
            f"{path} claims {announced / 2**20:.0f} MiB of image in {packed / 2**10:.0f} KiB of "
            "packed data, which no CT fits in: its header is damaged or it is not a scan"
        )
    unpacked, whole = _unpacked_bytes(header, path, announced)
    if unpacked > announced + _SLACK_BYTES:
        raise InputError(
            f"{path} holds far more than the {announced / 2**20:.3g} MiB that its header "
            "announces: its header is damaged or it is not a scan; export it again"
        )
    if unpacked < announced or not whole:
        raise _truncated(path, announced, unpacked)


def _unpacked_bytes(header: Header, path: Path, announced: int) -> tuple[int, bool]:
    """How many bytes the packed stream holds, and whether it has its end.

    Counting stops soon after ``announced``, and nothing is kept. The stream's checksum is compared
    on the way, which ITK does not do for NIfTI and MetaImage: it reads a damaged file in silence.
    """
    unpacked = 0
    stream = zlib.decompressobj(wbits=_ANY_DEFLATE)
    try:
        with header.data_file.open("rb") as file:
            file.seek(0 if header.whole_file_packed else header.offset)
            block = b""
            most = announced + _SLACK_BYTES
            while unpacked <= most and (block or (block := file.read(_BLOCK_BYTES))):
                if stream.eof and unpacked >= announced:
                    break  # what follows is neither image nor harm
                if stream.eof:
                    stream = zlib.decompressobj(wbits=_ANY_DEFLATE)
                unpacked += len(stream.decompress(block, _SLACK_BYTES))
                block = stream.unused_data if stream.eof else stream.unconsumed_tail
            if unpacked <= most and not stream.eof:
                unpacked += len(stream.flush())
    except zlib.error as err:
        raise InputError(f"{path} is damaged ({err}): copy or export it again") from err
    return unpacked, stream.eof


def _check_finite(header: Header, path: Path) -> None:
    """Refuse NaN and infinity, which the NIfTI library turns to zeros in silence."""
    left = header.data_bytes
    packed = header.packing is Packing.GZIP
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        file.seek(header.offset)
        while left > 0 and (block := file.read(min(left, 2**22))):
            left -= len(block)
            if not np.isfinite(np.frombuffer(block, dtype=header.float_type)).all():
                raise InputError(
                    f"{path} holds values that are not numbers (NaN or infinity): repair it"
                )


def _by(numbers: Iterable[float]) -> str:
    return " x ".join(f"{n}" if isinstance(n, int) else f"{n:g}" for n in numbers)


def _truncated(path: Path, wanted: int, held: int) -> InputError:
    return InputError(
        f"{path} is cut short: {max(held, 0)} of {wanted} bytes are there; copy or export it again"
    )
