"""The statements of an image file's header."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from negvol_cli.geometry.placement import Matrix


class Packing(StrEnum):
    """How the voxels are packed in their file."""

    RAW = "raw"
    GZIP = "gzip"
    ZLIB = "zlib"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where the voxels lie: LPS mm; columns of ``steps_mm`` (3, 3) are the steps of one voxel.

    ``origin_mm`` (3,) is the first voxel's centre.
    """

    steps_mm: Matrix
    origin_mm: Matrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
    """The statements of a header, every one of them made by the file itself.

    ``size`` is that of all axes, x first; ``stored`` numpy's type of a voxel with its byte order,
    ``channels`` the values per voxel. The voxels lie after ``offset`` bytes, of the unpacked file
    where ``whole_file_packed``, else of the data file; None: they are its last bytes.
    ``data_name`` is the file beside the header that holds them; None for the same file.
    ``packed_bytes`` is the packed size where the header gives it. What a voxel means is
    ``slope * stored + intercept``. ``placement`` is None where ``size`` is no volume. ``notes`` say
    in words what to beware of. ``pairs`` are an NRRD's own keys and values.
    """

    size: tuple[int, ...]
    stored: np.dtype[Any]
    placement: Placement | None
    offset: int | None
    channels: int = 1
    packing: Packing = Packing.RAW
    whole_file_packed: bool = False
    packed_bytes: int | None = None
    data_name: str | None = None
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()
    pairs: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_bytes(self) -> int:
        """Bytes of the voxels, unpacked."""
        return math.prod(self.size) * self.channels * self.stored.itemsize

    @property
    def scaled(self) -> bool:
        """Whether the stored values are not the meant ones."""
        return self.slope != 1.0 or self.intercept != 0.0


def is_volume(size: tuple[int, ...]) -> bool:
    """Whether axes make one volume: three, and beyond them only axes of length one."""
    return len(size) >= 3 and min(size) >= 1 and all(n == 1 for n in size[3:])
