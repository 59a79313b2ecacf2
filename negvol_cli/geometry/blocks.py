"""Means of blocks of voxels, quicker than NumPy's over reshaped axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Volume, vector


def block_means(slab_zyx: npt.NDArray[Any], size_yx: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(Y // y, X // x): means over the whole depth of a slab [z, y, x] and blocks of ``size_yx``.

    What is left over behind the last whole block counts nowhere. Whole numbers are added exactly
    as long as a block's sum stays below 2²⁴.
    """
    total = slab_zyx[0].astype(np.float32)
    for plane in slab_zyx[1:]:
        total += plane
    for axis, size in enumerate(size_yx):
        total = _sums(total, axis, size)
    return np.asarray(total / np.float32(len(slab_zyx) * size_yx[0] * size_yx[1]))


def pooled(volume: Volume, many_xyz: tuple[int, int, int]) -> Volume:
    """The means of blocks of so many voxels along x, y and z, float32; what is left over is lost.

    Raises ValueError where there is not one whole block.
    """
    mx, my, mz = many_xyz
    nz, ny, nx = (n // m for n, m in zip(volume.values_zyx.shape, (mz, my, mx), strict=True))
    if not min(nx, ny, nz):
        raise ValueError(f"no block of {mx} × {my} × {mz} voxels fits")
    slabs = [block_means(volume.values_zyx[z * mz : (z + 1) * mz], (my, mx)) for z in range(nz)]
    first = volume.grid.to_world((np.array(many_xyz) - 1) / 2)
    spacing = np.array(volume.grid.spacing_mm_xyz) * many_xyz
    grid = Grid((nx, ny, nz), vector(spacing), vector(first), volume.grid.direction)
    return Volume(np.stack(slabs), grid)


def _sums(plane: npt.NDArray[np.float32], axis: int, size: int) -> npt.NDArray[np.float32]:
    """The sums of every ``size`` neighbours along an axis."""
    many = plane.shape[axis] // size * size
    parts = [
        plane[tuple(slice(first, many, size) if a == axis else slice(None) for a in range(2))]
        for first in range(size)
    ]
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total
