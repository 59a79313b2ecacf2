"""Images and where they lie in the patient, without any image library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = tuple[float, float, float]
Points = npt.NDArray[np.float64]


def vector(point: npt.ArrayLike) -> Vector:
    """A point (3,) as plain floats."""
    x, y, z = (float(v) for v in np.asarray(point))
    return (x, y, z)


IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the voxels of an image lie: LPS mm, first voxel's centre, axes as columns.

    ``direction`` holds a 3x3 matrix row by row; its columns are the unit vectors of the image's
    x, y and z index in LPS.
    """

    size_xyz: tuple[int, int, int]
    spacing_mm_xyz: Vector
    origin_mm_xyz: Vector
    direction: tuple[float, ...] = IDENTITY

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """The shape of an array over this grid."""
        x, y, z = self.size_xyz
        return (z, y, x)

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """(3, 3): columns are the steps of one voxel along x, y and z, in LPS mm."""
        return np.array(self.direction, dtype=np.float64).reshape(3, 3) * self.spacing_mm_xyz

    @property
    def voxel_mm3(self) -> float:
        """The volume of one voxel in mm³."""
        return float(np.prod(self.spacing_mm_xyz))

    def to_world(self, index_xyz: npt.ArrayLike) -> Points:
        """World points (..., 3), LPS mm, of continuous voxel indices (..., 3) in x, y, z order."""
        return np.asarray(index_xyz, dtype=np.float64) @ self.axes.T + self.origin_mm_xyz

    def to_index(self, points_mm: npt.ArrayLike) -> Points:
        """Continuous voxel indices (..., 3), x, y, z order, of world points (..., 3), LPS mm."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.origin_mm_xyz
        return np.asarray(offset @ np.linalg.inv(self.axes).T)

    def contains(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each world point (..., 3) lies within the outer faces of the voxels."""
        index = self.to_index(points_mm)
        inside = (index >= -0.5) & (index <= np.array(self.size_xyz) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def corners_mm(self) -> Points:
        """(8, 3): world points of the outer corners."""
        low, high = np.full(3, -0.5), np.array(self.size_xyz) - 0.5
        choice = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
        return self.to_world(np.where(choice, high, low))


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An image: values [z, y, x] (HU where it is a CT) over a grid."""

    values_zyx: npt.NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.values_zyx.shape != self.grid.shape_zyx:
            raise ValueError(
                f"array {self.values_zyx.shape} does not fit grid {self.grid.shape_zyx}"
            )


def crop(
    array_zyx: npt.NDArray[Any], grid: Grid, centre_mm: Vector, half_mm: float
) -> tuple[npt.NDArray[Any], Grid]:
    """The part of an array [z, y, x] within ``half_mm`` of a point along each axis, its grid."""
    index = np.rint(grid.to_index(centre_mm)).astype(int)
    half = np.ceil(half_mm / np.array(grid.spacing_mm_xyz)).astype(int)
    low = np.clip(index - half, 0, grid.size_xyz)
    high = np.clip(index + half + 1, low, grid.size_xyz)
    part = array_zyx[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    ox, oy, oz = (float(v) for v in grid.to_world(low))
    nx, ny, nz = (int(n) for n in high - low)
    return part, Grid((nx, ny, nz), grid.spacing_mm_xyz, (ox, oy, oz))
