"""Checks of an image file's header before any voxel is read or memory is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid
from negvol_cli.geometry.placement import ROUNDING_MM, Matrix, straightened

MAX_SIDE: Final = 1024
"""No head CT has more; a larger size is a damaged or hostile header."""

MAX_VOXELS: Final = MAX_SIDE**3
SPACING_LIMITS_MM: Final = (0.05, 10.0)
"""From micro-CT to thick slices; anything else is a unit error or a damaged header."""

LEAST_SCAN_MM: Final = 40.0
"""The measurement sphere of 30 mm and a little around it: less cannot show a joint."""

SAME_SIZE: Final = 0.002
"""Two statements of one length that differ by no more (relative) change a volume by 0.6 %."""


def check_size(size: tuple[int, ...], channels: int, path: Path) -> tuple[int, int, int]:
    """The size of a volume; InputError for other axes, colour, and impossible or huge sizes."""
    shown = by(size)
    if len(size) < 3:
        raise InputError(f"{path} is a 2D image ({shown}): negvol needs the whole scan, in 3D")
    if any(n != 1 for n in size[3:]):
        raise InputError(
            f"{path} has {len(size)} axes ({shown}), as a colour image or a series in time "
            "has: give one 3D CT"
        )
    if any(n < 1 for n in size):
        raise InputError(f"{path} has a damaged header: it claims {shown} voxels; export it again")
    if math.prod(size) > MAX_VOXELS:
        raise InputError(
            f"{path} claims {shown} voxels, more than the {MAX_SIDE} cubed that negvol reads: "
            "crop the scan to the head, or export it again if the header is damaged"
        )
    if channels != 1:
        raise InputError(
            f"{path} has {channels} values per voxel (colour or vectors): negvol needs a CT, with "
            "one"
        )
    return size[0], size[1], size[2]


def check_spacing(spacing_mm: tuple[float, ...], path: Path) -> None:
    """Refuse a voxel size of zero, negative, not a number, or beyond ``SPACING_LIMITS_MM``."""
    low, high = SPACING_LIMITS_MM
    if not all(low <= s <= high for s in spacing_mm):
        raise InputError(
            f"{path} has voxels of {by(spacing_mm)} mm, outside {low:g} to {high:g} mm: "
            "correct the spacing in its header or export it again"
        )


def straight_grid(
    size_xyz: tuple[int, int, int], steps_mm: Matrix, origin_mm: Matrix, path: Path
) -> Grid:
    """The grid of stated axes; see ``geometry.placement.straightened``.

    Raises InputError for an odd spacing, and for axes so far off the square that straightening them
    moves a voxel by more than ``ROUNDING_MM``.
    """
    check_spacing(tuple(np.linalg.norm(steps_mm, axis=0).tolist()), path)
    grid, moved = straightened(size_xyz, steps_mm, origin_mm)
    if not moved <= ROUNDING_MM:
        raise InputError(
            f"{path} has axes that are not at right angles (a tilted gantry or a damaged "
            "header): resample it to a straight grid first"
        )
    return grid


def check_extent(grid: Grid, path: Path, *, least_mm: float = 0.0) -> None:
    """Refuse a grid of one slice, of odd spacing, or that covers too little."""
    if min(grid.size_xyz) == 1:
        raise InputError(f"{path} is a single slice: negvol needs the whole scan")
    check_spacing(grid.spacing_mm_xyz, path)
    extent = [n * s for n, s in zip(grid.size_xyz, grid.spacing_mm_xyz, strict=True)]
    if min(extent) < least_mm:
        raise InputError(
            f"{path} covers only {by(round(e) for e in extent)} mm, less than {least_mm:g} mm in "
            "one direction: negvol needs a scan that shows a whole joint"
        )


def by(numbers: Iterable[float]) -> str:
    """Numbers as a person writes a size: 512 x 512 x 300."""
    return " x ".join(f"{n}" if isinstance(n, int) else f"{n:g}" for n in numbers)
