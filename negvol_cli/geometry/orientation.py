"""Reordering of array axes to LPS and back, without resampling."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid


@dataclass(frozen=True, slots=True)
class AxisOrder:
    """How the index axes of an image are oriented in the patient.

    ``axes[w]`` is the index axis (0 x, 1 y, 2 z) nearest to world axis w (left, posterior,
    superior), and ``flipped[w]`` whether it runs in the opposite direction.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @classmethod
    def of(cls, grid: Grid) -> AxisOrder:
        """Return the order of a grid; for an oblique grid, the nearest one."""
        direction = np.array(grid.direction).reshape(3, 3)
        x, y, z = max(
            permutations(range(3)),
            key=lambda axes: float(sum(abs(direction[w, axes[w]]) for w in range(3))),
        )
        return cls((x, y, z), (direction[0, x] < 0, direction[1, y] < 0, direction[2, z] < 0))

    def lps_grid(self, grid: Grid) -> Grid:
        """Return the grid of the same voxels with axes to the left, posterior and superior."""
        first = np.zeros(3)
        for axis, flipped in zip(self.axes, self.flipped, strict=True):
            first[axis] = grid.size_xyz[axis] - 1 if flipped else 0
        signs = np.where(self.flipped, -1.0, 1.0)
        direction = np.array(grid.direction).reshape(3, 3)[:, self.axes] * signs
        x, y, z = self.axes
        ox, oy, oz = grid.to_world(first).tolist()
        return Grid(
            (grid.size_xyz[x], grid.size_xyz[y], grid.size_xyz[z]),
            (grid.spacing_mm_xyz[x], grid.spacing_mm_xyz[y], grid.spacing_mm_xyz[z]),
            (ox, oy, oz),
            tuple(direction.ravel().tolist()),
        )

    def to_lps(self, values_zyx: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array on the image's grid as a view on ``lps_grid``."""
        return values_zyx.transpose(self._array_axes)[self._steps]

    def from_lps(self, values_zyx: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Undo ``to_lps``; also a view."""
        return values_zyx[self._steps].transpose(np.argsort(self._array_axes).tolist())

    @property
    def _array_axes(self) -> list[int]:
        """The old array axis (0 z, 1 y, 2 x) of each new one."""
        return [2 - axis for axis in reversed(self.axes)]

    @property
    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if f else 1) for f in reversed(self.flipped))
