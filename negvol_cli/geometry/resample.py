"""Volumes taken to other grids; beside ``align`` the only module that knows SimpleITK."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.structures import AIR_HU


def use_threads(count: int) -> None:
    """Resample with so many threads, in this process, from now on."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(count)


def grid_of(image: sitk.Image | sitk.ImageFileReader) -> Grid:
    """The grid of a SimpleITK image, or of a reader that has read an image's header."""
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


def resample_nearest(volume: Volume, grid: Grid) -> npt.NDArray[Any]:
    """The volume's value nearest to each voxel of ``grid``, in its own type; 0 outside (labels)."""
    nearest = resample(volume, grid, fill=0.0, interpolator=sitk.sitkNearestNeighbor)
    return nearest.astype(volume.values_zyx.dtype)


def frame_hu(ct: Volume, frame: JointFrame) -> npt.NDArray[np.float32]:
    """The HU of a scan over a joint's frame, (z, y, x) in frame order; air beyond the scan."""
    return np.asarray(frame.mirror(resample(ct, frame.grid)))


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
    z, y, x = values.shape
    ox, oy, oz = volume.grid.to_world(low).tolist()
    grid = Grid((x, y, z), volume.grid.spacing_mm_xyz, (ox, oy, oz), volume.grid.direction)
    return Volume(values, grid)
