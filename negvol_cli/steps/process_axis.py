"""Which way is up for one condyle: the axis of its own process, however the head lay.

The axis runs from the centroid of the mandible 12 to 20 mm from the head's centre, below the
neck, to the centroid of the head. As each depends on the other they are found in turn. Two
choices keep this from running away on a flat condyle, whose farthest point jumps from pole to
pole as the axis turns (14 reference joints: an apex and sections at right angles to the axis
ended up to 80° off, this comes back within 0.3° from 15° off in every direction):

- While the axis is sought the head counts from its *crown*, the level above which 150 mm³ lie,
  not from a single farthest point.
- The mandible below counts between two spheres about the head's centre, which do not turn with
  the axis, and only within 41° of it, which keeps out the poles of a wide head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Grid, Points, Vector, vector
from negvol_cli.settings import HeadSettings

Mask = npt.NDArray[np.bool_]
Scalars = npt.NDArray[np.float64]

SUPERIOR: Final = (0.0, 0.0, 1.0)
# Chosen on the 14 reference joints: with the ramus cut anywhere from 24 to 15 mm, found again
# from 15° off in at most 15 rounds; nearer shells or wider cones ran away on four of them.
NEAREST_MM: Final = 12.0
FARTHEST_MM: Final = 20.0
LEAST_SEEN_MM: Final = 15.0
WITHIN_COSINE: Final = 0.75
CROWN_MM3: Final = 150.0
CROWN_SHARE: Final = 0.1
# The crown of the reference joints lies 2.7 mm under the apex (median); a head that reaches a
# little deeper than 10 mm settles better where the ramus is cut at 15 mm (8° off instead of 24°).
CROWN_BELOW_APEX_MM: Final = 1.5
LEAST_SHAFT_MM3: Final = 40.0
# The steepest of the reference joints is 36° off its scan's superior; a head may lie 15° more.
STEEPEST_DEGREES: Final = 60.0
ROUNDS: Final = 40
SETTLED: Final = 1e-6
EDGE_OF_VIEW_VOXELS: Final = 2


@dataclass(frozen=True, slots=True)
class Axis:
    """A condylar process's axis, in the coordinates (mm) that the mask was given in.

    ``up`` is a unit vector, at most 60° off superior, and ``through_mm`` a point on the axis, about
    the head's centroid.
    ``seen_mm`` is how far below it the ramus is in view, at most 20 mm. ``own`` is false where
    that is too little, and ``up`` the scan's superior direction.
    """

    up: Vector
    through_mm: Vector
    seen_mm: float = FARTHEST_MM
    own: bool = True

    @property
    def directions(self) -> npt.NDArray[np.float64]:
        """(3, 3): unit rows to lateral, to posterior and up; posterior nearest to the scan's."""
        up = np.array(self.up)
        posterior = np.array([0.0, 1.0, 0.0]) - up[1] * up
        posterior /= np.linalg.norm(posterior)
        return np.stack([np.cross(posterior, up), posterior, up])

    def along(self, points_mm: Points) -> Scalars:
        """(N,): how far up points (N, 3) lie from the level of ``through_mm``, in mm."""
        return np.asarray((points_mm - np.array(self.through_mm)) @ np.array(self.up))

    def across(self, points_mm: Points) -> Scalars:
        """(N,): how far from the axis points (N, 3) lie, in mm."""
        offset = points_mm - np.array(self.through_mm)
        side = offset - (offset @ np.array(self.up))[:, None] * np.array(self.up)
        return np.asarray(np.linalg.norm(side, axis=1))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to beware of, in words; empty for an axis that was found on enough bone."""
        if not self.own:
            return (
                "too little of the ramus is in view for the condylar process's own axis: the "
                "scan's superior direction was used",
            )
        if self.seen_mm < FARTHEST_MM - 0.5:
            return (
                f"the ramus is in view to {self.seen_mm:.0f} mm below the condylar head "
                f"({FARTHEST_MM:.0f} mm are used): the condylar process's axis is less sure",
            )
        return ()


def process_axis(
    mandible_zyx: Mask,
    grid: Grid,
    start_mm: Vector,
    settings: HeadSettings,
    seen_zyx: Mask | None = None,
) -> Axis:
    """The axis of the condylar process about ``start_mm``, a point in or near its head.

    ``mandible_zyx`` [z, y, x] over ``grid`` (not oblique, z to superior) is one connected piece;
    ``seen_zyx`` is false where the scan has no data. Raises ``NoCondyleError`` for an empty mask.
    """
    bone = _Bone.of(mandible_zyx, grid, start_mm, seen_zyx, settings)
    up, centre = np.array(SUPERIOR), np.array(start_mm)
    for _ in range(ROUNDS):
        head, base_mm = bone.head(up, centre)
        moved, centre = centre, bone.points_mm[head].mean(axis=0)
        shaft, seen_mm = bone.shaft(up, centre, base_mm)
        if shaft is None:
            return _upright(bone, start_mm, seen_mm)
        before, up = up, centre - shaft
        up /= np.linalg.norm(up)
        if np.abs(up - before).max() < SETTLED and np.abs(centre - moved).max() < SETTLED:
            break
    if up[2] < np.cos(np.radians(STEEPEST_DEGREES)):
        return _upright(bone, start_mm, seen_mm)
    return Axis(vector(up), vector(centre), seen_mm)


def _upright(bone: _Bone, start_mm: Vector, seen_mm: float) -> Axis:
    """The scan's superior direction through the head that it gives."""
    centre = np.array(start_mm)
    for _ in range(ROUNDS):
        head, _ = bone.head(np.array(SUPERIOR), centre)
        moved, centre = centre, bone.points_mm[head].mean(axis=0)
        if np.abs(centre - moved).max() < SETTLED:
            break
    return Axis(SUPERIOR, vector(centre), seen_mm, own=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Bone:
    """The voxels of a mandible near a joint: places (N, 3) in mm and in a box of voxels.

    ``cut`` (N,) says which of them lie at the edge of what is in view.
    """

    points_mm: Points
    place_zyx: tuple[npt.NDArray[np.int64], ...]
    shape_zyx: tuple[int, ...]
    cut: Mask
    voxel_mm3: float
    settings: HeadSettings

    @classmethod
    def of(
        cls, mask: Mask, grid: Grid, start_mm: Vector, seen: Mask | None, settings: HeadSettings
    ) -> _Bone:
        index = np.argwhere(mask)
        points = grid.to_world(index[:, ::-1])
        near = np.linalg.norm(points - start_mm, axis=1) <= 40.0
        if not near.any():
            raise NoCondyleError(
                f"no mandible was segmented within {40.0:.0f} mm of the joint, so "
                "it cannot be measured; check the segmentation"
            )
        inner = ndimage.binary_erosion(
            np.ones_like(mask) if seen is None else seen, iterations=EDGE_OF_VIEW_VOXELS
        )
        index, points = index[near], points[near]
        low = index.min(axis=0)
        return cls(
            points,
            tuple((index - low).T),
            tuple(index.max(axis=0) - low + 1),
            ~inner[tuple(index.T)],
            grid.voxel_mm3,
            settings,
        )

    def head(self, up: Points, centre: Points) -> tuple[Mask, float]:
        """(N,): the head's voxels, counted from its crown, and its base's level along ``up``."""
        along = self.points_mm @ up
        across = _across(self.points_mm - centre, up)
        column = np.sort(along[across <= max(self.settings.apex_radius_mm, across.min())])
        crown = min(CROWN_MM3 / self.voxel_mm3, CROWN_SHARE * len(column))
        level = column[-1 - int(crown)]
        base = float(level - (self.settings.depth_mm - CROWN_BELOW_APEX_MM))
        room = (along >= base) & (across <= max(self.settings.radius_mm, across.min()))
        return self._largest(room), base

    def shaft(self, up: Points, centre: Points, base_mm: float) -> tuple[Points | None, float]:
        """The centroid of the mandible below the neck, and how far it is in view, in mm.

        None where that is too little for an axis.
        """
        offset = self.points_mm - centre
        far = np.linalg.norm(offset, axis=1)
        below = (self.points_mm @ up < base_mm) & (offset @ up <= -WITHIN_COSINE * far)
        if not below.any():
            return None, 0.0
        end = float(far[below & self.cut].min(initial=np.inf))
        seen = min(FARTHEST_MM, end, float(far[below].max()))
        counted = below & (far >= NEAREST_MM) & (far <= seen)
        if seen < LEAST_SEEN_MM or counted.sum() * self.voxel_mm3 < LEAST_SHAFT_MM3:
            return None, seen
        return np.asarray(self.points_mm[counted].mean(axis=0)), seen

    def _largest(self, part: Mask) -> Mask:
        """The largest connected piece of a part (N,)."""
        box = np.zeros(self.shape_zyx, dtype=np.bool_)
        box[tuple(axis[part] for axis in self.place_zyx)] = True
        labels, _ = ndimage.label(box)
        own = np.where(part, labels[self.place_zyx], 0)
        return np.asarray(own == np.argmax(np.bincount(own[part])))


def _across(offset: Points, up: Points) -> Scalars:
    """(N,): the length of offsets (N, 3) at right angles to the unit vector ``up``."""
    along = offset @ up
    squared = np.einsum("ij,ij->i", offset, offset) - along * along
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))
