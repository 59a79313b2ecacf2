"""Volumes taken to other grids.

Where their axes are parallel, as those of joint frames and most scans are, each axis is gone along
for itself, which is quicker than any library for images; and none that is large need be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.structures import AIR_HU

PARALLEL: Final = 1e-3
"""By less of a voxel than this do parallel axes drift apart over a whole grid."""


def resample(volume: Volume, grid: Grid, *, fill: float = AIR_HU) -> npt.NDArray[np.float32]:
    """The volume's values at the voxels of ``grid``, float32 [z, y, x]; ``fill`` outside.

    Between voxels linear; to the outer faces of the outermost voxels as at their centres. Only the
    part of the volume that ``grid`` covers is converted, so that a joint frame from a large scan
    costs little memory. It needs no margin: what lies up to the outer faces of ``grid`` holds both
    neighbours of every voxel's centre.
    """
    part = crop_to(volume, grid, margin=0)
    if part is None:
        return np.full(grid.shape_zyx, fill, dtype=np.float32)
    places = _Places.of(grid, part.grid)
    if places.straight:
        values: npt.NDArray[Any] = part.values_zyx
        for axis in (2, 1, 0):
            values = _between(values, axis, places.along(axis))
    else:
        values = places.turned(part.values_zyx.astype(np.float32, copy=False), order=1)
    places.fill_outside(values, fill)
    return values


def resample_nearest(volume: Volume, grid: Grid) -> npt.NDArray[Any]:
    """The volume's value nearest to each voxel of ``grid``, in its own type; 0 outside (labels)."""
    part = crop_to(volume, grid, margin=0)
    if part is None:
        return np.zeros(grid.shape_zyx, dtype=volume.values_zyx.dtype)
    places = _Places.of(grid, part.grid)
    if places.straight:
        values: npt.NDArray[Any] = part.values_zyx
        for axis in (2, 1, 0):
            nearest = np.floor(places.along(axis) + 0.5).astype(np.intp)
            values = values.take(nearest, axis, mode="clip")
    else:
        values = places.turned(part.values_zyx, order=0)
    places.fill_outside(values, 0)
    return values


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


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where the voxels of a grid [z, y, x] of ``shape`` lie among those of an array of ``inside``.

    In z, y, x order: ``first`` (3,) is the continuous index of the first, and ``steps`` (3, 3) has
    as columns what one voxel farther along each axis adds.
    """

    shape: tuple[int, int, int]
    inside: tuple[int, int, int]
    first: npt.NDArray[np.float64]
    steps: npt.NDArray[np.float64]

    @classmethod
    def of(cls, grid: Grid, among: Grid) -> Self:
        """The voxels of ``grid`` among those of another."""
        first = among.to_index(grid.origin_mm_xyz)[::-1]
        steps = (np.linalg.inv(among.axes) @ grid.axes)[::-1, ::-1]
        straight = np.diag(np.diagonal(steps))
        parallel = (np.abs(steps - straight) * grid.shape_zyx).max() < PARALLEL
        return cls(grid.shape_zyx, among.shape_zyx, first, straight if parallel else steps)

    @property
    def straight(self) -> bool:
        """Whether the grids' axes are parallel, so that each can be gone along for itself."""
        return not (self.steps - np.diag(np.diagonal(self.steps))).any()

    def along(self, axis: int) -> npt.NDArray[np.float64]:
        """The continuous indices of the grid's planes across an axis, where it is ``straight``."""
        return np.asarray(self.first[axis] + self.steps[axis, axis] * np.arange(self.shape[axis]))

    def turned(self, values_zyx: npt.NDArray[Any], order: int) -> npt.NDArray[Any]:
        """Values at the voxels of any grid; ``order`` 1 is linear, 0 nearest."""
        found: npt.NDArray[Any] = ndimage.affine_transform(
            values_zyx, self.steps, self.first, self.shape, order=order, mode="nearest"
        )
        return found

    def fill_outside(self, values_zyx: npt.NDArray[Any], fill: float) -> None:
        """Put ``fill`` where a voxel's centre lies beyond the outer faces of the array's voxels."""
        for axis, size in enumerate(self.inside):
            index = self.first[axis].reshape(1, 1, 1)
            for along, step in enumerate(self.steps[axis]):
                if step:
                    index = index + _upright(step * np.arange(self.shape[along]), along)
            outside = (index < -0.5) | (index > size - 0.5)
            if outside.any():
                values_zyx[np.broadcast_to(outside, self.shape)] = fill


def _upright(line: npt.NDArray[Any], axis: int) -> npt.NDArray[Any]:
    """A line (N,) along an axis of an array [z, y, x]."""
    return line.reshape(-1, *(1,) * (2 - axis))


def _between(
    values_zyx: npt.NDArray[Any], axis: int, index: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Values at continuous indices along one axis, float32."""
    last = values_zyx.shape[axis] - 1
    low = np.clip(np.floor(index), 0, last).astype(np.intp)
    share = _upright(np.clip(index - low, 0, 1).astype(np.float32), axis)
    first = values_zyx.take(low, axis).astype(np.float32, copy=False)
    found = values_zyx.take(low + 1, axis, mode="clip").astype(np.float32, copy=False)
    found -= first
    found *= share
    found += first
    return found
