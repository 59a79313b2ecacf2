"""The joint frame in which networks and geometry work; training uses it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Vector
from negvol_cli.settings import FRAME_SIZE, FRAME_SPACING_MM
from negvol_cli.structures import Side

FRAME_CENTRE: Final[Vector] = (0.0, 0.0, 0.0)
"""The centre of a joint frame in its own coordinates: where the joint was localised."""


@dataclass(frozen=True, slots=True)
class JointFrame:
    """An isotropic cube around one condyle, along the LPS axes, with the right joint mirrored.

    Frame coordinates are mm from ``centre_mm_xyz``: x to lateral (so that both joints look like
    a left one), y to posterior, z to superior. The centre of voxel i of an axis lies at
    ``(i - (size - 1) / 2) * spacing_mm``.
    """

    side: Side
    centre_mm_xyz: Vector
    spacing_mm: float = FRAME_SPACING_MM
    size: int = FRAME_SIZE

    @property
    def grid(self) -> Grid:
        """The voxels of the frame in the world, before the right joint is mirrored."""
        half = (self.size - 1) / 2 * self.spacing_mm
        x, y, z = self.centre_mm_xyz
        return Grid((self.size,) * 3, (self.spacing_mm,) * 3, (x - half, y - half, z - half))

    @property
    def local_grid(self) -> Grid:
        """The voxels of the frame in frame coordinates."""
        half = (self.size - 1) / 2 * self.spacing_mm
        return Grid((self.size,) * 3, (self.spacing_mm,) * 3, (-half, -half, -half))

    def mirror(self, array_zyx: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Convert an array (..., z, y, x) between world and frame order; its own inverse."""
        return array_zyx[..., ::-1] if self.side is Side.RIGHT else array_zyx

    def to_world(self, points_mm: npt.ArrayLike) -> Points:
        """Convert frame points (..., 3) to LPS mm."""
        return np.asarray(points_mm, dtype=np.float64) * self._signs + self.centre_mm_xyz

    def to_frame(self, points_mm: npt.ArrayLike) -> Points:
        """Convert points (..., 3) in LPS mm to frame points."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.centre_mm_xyz
        return np.asarray(offset * self._signs)

    @property
    def _signs(self) -> npt.NDArray[np.float64]:
        return np.array([-1.0 if self.side is Side.RIGHT else 1.0, 1.0, 1.0])
