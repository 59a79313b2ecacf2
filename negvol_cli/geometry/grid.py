"""Images and where they lie in the patient, without any image library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = tuple[float, float, float]
Points = npt.NDArray[np.float64]


def vector(point: npt.ArrayLike) -> Vector:
    """Return a point (3,) as a tuple of plain floats."""
    x, y, z = (float(v) for v in np.asarray(point))
    return (x, y, z)


IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Grid:
    """The voxel grid of an image in the patient, in LPS mm.

    Attributes
    ----------
    size_xyz
        Number of voxels along the image's x, y and z axes.
    spacing_mm_xyz
        Distance between the centres of neighbouring voxels along each axis.
    origin_mm_xyz
        Centre of the first voxel.
    direction
        A 3x3 matrix, row by row, whose columns are the unit vectors of the image's x, y and z axes
        in LPS.
    """

    size_xyz: tuple[int, int, int]
    spacing_mm_xyz: Vector
    origin_mm_xyz: Vector
    direction: tuple[float, ...] = IDENTITY

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        """The shape of an array on this grid."""
        x, y, z = self.size_xyz
        return (z, y, x)

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """The steps of one voxel along x, y and z as columns (3, 3), in LPS mm."""
        return self.rotation * self.spacing_mm_xyz

    @property
    def rotation(self) -> npt.NDArray[np.float64]:
        """The unit vectors of the x, y and z axes as columns (3, 3), in LPS."""
        return np.array(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def voxel_mm3(self) -> float:
        """The volume of one voxel in mm³."""
        return float(np.prod(self.spacing_mm_xyz))

    def to_world(self, index_xyz: npt.ArrayLike) -> Points:
        """Convert continuous voxel indices (..., 3), in x, y, z order, to points in LPS mm."""
        return np.asarray(index_xyz, dtype=np.float64) @ self.axes.T + self.origin_mm_xyz

    def to_index(self, points_mm: npt.ArrayLike) -> Points:
        """Convert points (..., 3) in LPS mm to continuous voxel indices, in x, y, z order."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.origin_mm_xyz
        return np.asarray(offset @ np.linalg.inv(self.axes).T)

    def contains(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return whether each point (..., 3), LPS mm, lies within the outer faces of the voxels."""
        index = self.to_index(points_mm)
        inside = (index >= -0.5) & (index <= np.array(self.size_xyz) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def corners_mm(self) -> Points:
        """Return the outer corners (8, 3) of the grid, in LPS mm."""
        low, high = np.full(3, -0.5), np.array(self.size_xyz) - 0.5
        choice = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
        return self.to_world(np.where(choice, high, low))


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An image: values [z, y, x] (HU for a CT) on a grid.

    Raises
    ------
    ValueError
        The shape of the array is not that of the grid.
    """

    values_zyx: npt.NDArray[Any]
    grid: Grid

    def __post_init__(self) -> None:
        if self.values_zyx.shape != self.grid.shape_zyx:
            raise ValueError(
                f"array {self.values_zyx.shape} does not fit grid {self.grid.shape_zyx}"
            )


def box_about(mask_zyx: npt.NDArray[np.bool_], margin: int = 0) -> tuple[slice, slice, slice]:
    """The box [z, y, x] that holds a mask, and ``margin`` voxels about it where there are some.

    Raises ValueError for an empty mask.
    """
    across, back = mask_zyx.any(axis=2), mask_zyx.any(axis=1)
    lines: tuple[npt.NDArray[np.bool_], ...] = (
        np.any(across, axis=1),
        np.any(across, axis=0),
        np.any(back, axis=0),
    )
    places = [np.flatnonzero(line) for line in lines]
    if not len(places[0]):
        raise ValueError("an empty mask has no box")
    z, y, x = (
        slice(max(int(at[0]) - margin, 0), min(int(at[-1]) + 1 + margin, size))
        for at, size in zip(places, mask_zyx.shape, strict=True)
    )
    return z, y, x


def crop(
    array_zyx: npt.NDArray[Any], grid: Grid, centre_mm: Vector, half_mm: float
) -> tuple[npt.NDArray[Any], Grid]:
    """Cut the part of an array [z, y, x] within ``half_mm`` of a point along each axis.

    Returns
    -------
    part
        A view of ``array_zyx``; empty where the point lies outside.
    grid
        The grid of the part.
    """
    index = np.rint(grid.to_index(centre_mm)).astype(int)
    half = np.ceil(half_mm / np.array(grid.spacing_mm_xyz)).astype(int)
    low = np.clip(index - half, 0, grid.size_xyz)
    high = np.clip(index + half + 1, low, grid.size_xyz)
    part = array_zyx[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    ox, oy, oz = (float(v) for v in grid.to_world(low))
    nx, ny, nz = (int(n) for n in high - low)
    return part, Grid((nx, ny, nz), grid.spacing_mm_xyz, (ox, oy, oz))
