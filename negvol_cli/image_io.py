"""The one module that knows SimpleITK's images: reading, resampling, writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.volume import Grid, Volume

AIR_HU = -1000.0


def grid_of(image: sitk.Image) -> Grid:
    """The grid of a SimpleITK image."""
    return Grid(
        tuple(image.GetSize()),
        tuple(image.GetSpacing()),
        tuple(image.GetOrigin()),
        tuple(image.GetDirection()),
    )


def to_sitk(volume: Volume) -> sitk.Image:
    """A SimpleITK image with the volume's values and grid."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.values_zyx))
    image.SetSpacing(volume.grid.spacing_mm_xyz)
    image.SetOrigin(volume.grid.origin_mm_xyz)
    image.SetDirection(volume.grid.direction)
    return image


def resample(
    volume: Volume, grid: Grid, *, fill: float = AIR_HU, interpolator: int = sitk.sitkLinear
) -> npt.NDArray[np.float32]:
    """The volume's values at the voxels of ``grid``, float32 [z, y, x]; ``fill`` outside.

    Only the part of the volume that ``grid`` covers is converted, so that a joint frame from a
    large scan costs little memory.
    """
    part = crop_to(volume, grid)
    if part is None:
        return np.full(grid.shape_zyx, fill, dtype=np.float32)
    resampled = sitk.Resample(
        to_sitk(part),
        grid.size_xyz,
        sitk.Transform(),
        interpolator,
        grid.origin_mm_xyz,
        grid.spacing_mm_xyz,
        grid.direction,
        fill,
        sitk.sitkFloat32,
    )
    return np.asarray(sitk.GetArrayFromImage(resampled))


def crop_to(volume: Volume, grid: Grid, *, margin: int = 4) -> Volume | None:
    """The part of ``volume`` that ``grid`` covers, with a margin in voxels; None if disjoint."""
    index = volume.grid.to_index(grid.corners_mm())
    size = np.array(volume.grid.size_xyz)
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - margin, 0, size)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + margin + 1, 0, size)
    if (high <= low).any():
        return None
    values: npt.NDArray[Any] = volume.values_zyx[
        low[2] : high[2], low[1] : high[1], low[0] : high[0]
    ]
    origin = volume.grid.to_world(low)
    return Volume(
        values,
        Grid(
            tuple(int(n) for n in high - low),
            volume.grid.spacing_mm_xyz,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            volume.grid.direction,
        ),
    )


def read_scan(path: Path) -> Volume:
    """A CT from ``path``, axes in LPS order, values in HU."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return Volume(sitk.GetArrayFromImage(image), grid_of(image))
