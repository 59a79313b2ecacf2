"""Straight ways from the condyle to voxels of the fossa, and whether they meet bone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import box_about
from negvol_cli.steps.joint_images import Mask

UPWARD_COSINE: Final = 0.5
"""Beside and behind the condyle lie skin and the ear canal, and no roof."""
STEPS: Final = 24
"""Samples of a way: about one a voxel over the longest, some 12 mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """N ways, in voxels of [z, y, x] with z upwards.

    Attributes
    ----------
    start, way
        (N, 3): the voxel of the condyle nearest to each target, and how far the target is from it.
    length
        (N,): how long each way is, at least a voxel.
    """

    start: npt.NDArray[np.intp]
    way: npt.NDArray[np.intp]
    length: npt.NDArray[np.float64]

    @property
    def upward(self) -> npt.NDArray[np.bool_]:
        """(N,): which lead upwards, by no more than 60° aside."""
        return np.asarray(self.way[:, 0] >= UPWARD_COSINE * self.length)

    def meet(self, bone: Mask, beyond: float = 0.0) -> npt.NDArray[np.bool_]:
        """(N,): which meet ``bone`` up to their target, or up to ``beyond`` voxels behind it."""
        until = 1.0 + beyond / self.length
        found = np.zeros(len(self.start), dtype=bool)
        last = np.array(bone.shape) - 1
        for share in np.linspace(0.0, 1.0, STEPS):
            at = np.rint(self.start + (share * until)[:, None] * self.way).astype(int)
            found |= bone[tuple(np.clip(at, 0, last).T)]
        return found


def ways_within(targets: Mask, condyle: Mask, reach: float) -> tuple[npt.NDArray[np.intp], Ways]:
    """The voxels (N, 3) of ``targets`` within ``reach`` voxels of the condyle, and ways to them.

    All masks are [z, y, x]; ``condyle`` has a voxel at least.
    """
    box = box_about(condyle, margin=math.ceil(reach))
    low = [part.start for part in box]
    away, nearest = ndimage.distance_transform_edt(~condyle[box], return_indices=True)
    near = np.argwhere(targets[box] & (away < reach))
    at, start = near + low, nearest[:, *near.T].T + low
    way = at - start
    return at, Ways(start, way, np.maximum(np.linalg.norm(way, axis=1), 1.0))
