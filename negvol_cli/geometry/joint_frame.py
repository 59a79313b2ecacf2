"""The joint frame that networks and geometry see; training uses it too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Vector
from negvol_cli.settings import FRAME_SIZE, FRAME_SPACING_MM
from negvol_cli.structures import Side


@dataclass(frozen=True, slots=True)
class JointFrame:
    """An isotropic cube around one condyle, along the LPS axes, the right joint mirrored.

    Frame coordinates are mm from ``centre_mm_xyz``: x to lateral (so that both joints look like
    a left one), y to posterior, z to superior. Voxel i of an axis has its centre at
    ``(i - (size - 1) / 2) * spacing_mm``.
    """

    side: Side
    centre_mm_xyz: Vector
    spacing_mm: float = FRAME_SPACING_MM
    size: int = FRAME_SIZE

    @property
    def grid(self) -> Grid:
        """The frame's voxels in the world, before the right joint is mirrored."""
        half = (self.size - 1) / 2 * self.spacing_mm
        x, y, z = self.centre_mm_xyz
        return Grid((self.size,) * 3, (self.spacing_mm,) * 3, (x - half, y - half, z - half))

    @property
    def local_grid(self) -> Grid:
        """The frame's voxels in frame coordinates."""
        half = (self.size - 1) / 2 * self.spacing_mm
        return Grid((self.size,) * 3, (self.spacing_mm,) * 3, (-half, -half, -half))

    def mirror(self, array_zyx: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An array (..., z, y, x) turned between world and frame order; its own inverse."""
        return array_zyx[..., ::-1] if self.side is Side.RIGHT else array_zyx

    def to_world(self, points_mm: npt.ArrayLike) -> Points:
        """World points (..., 3), LPS mm, of frame points (..., 3)."""
        return np.asarray(points_mm, dtype=np.float64) * self._signs + self.centre_mm_xyz

    def to_frame(self, points_mm: npt.ArrayLike) -> Points:
        """Frame points (..., 3) of world points (..., 3), LPS mm."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.centre_mm_xyz
        return np.asarray(offset * self._signs)

    @property
    def _signs(self) -> npt.NDArray[np.float64]:
        return np.array([-1.0 if self.side is Side.RIGHT else 1.0, 1.0, 1.0])
