"""Which way is up for one condyle: the axis of its own process, however the head lay.

The axis runs from the centroid of the mandible below the neck, 12 to 20 mm from the centre of the
condylar head, to the centroid of the head. Each depends on the other, so they are found in turn.

Taken literally, with the head counted from its farthest point and the mandible in sections at
right angles to the axis, this runs away on a flat condyle: as the axis turns, the farthest point
jumps to a pole, and the head follows it. On 6 to 11 of the 14 reference joints, depending on how
deep the sections lay, the axis ended 28 to 80° off. Two choices prevent it, and with them the same
axis is found again to 0.6° after a tilt of 15° in any direction:

- While the axis is sought, the head counts from its *crown*, the level above which 150 mm³ of bone
  lie, not from a single farthest point.
- The mandible below counts between two spheres around the centre of the head, which do not turn
  with the axis, and only within 41° of it, which keeps out the poles of a wide head.
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

SUPERIOR: Final = (0.0, 0.0, 1.0)  # of LPS, and of joint frames

NEAREST_MM: Final = 12.0
"""Farther than the poles of any reference joint's head (11 mm)."""

FARTHEST_MM: Final = 20.0
"""Within a joint frame of 64 mm even where its centre is 12 mm off the head."""

LEAST_SEEN_MM: Final = 15.0
"""With the ramus cut there, the axes of the 12 reference joints that reach so far turn by at most
8° (3° at 17 mm) and are still found again from 15° off to 0.1°; cut at 13 mm, by up to 26°."""

WITHIN_COSINE: Final = 0.75
"""41°. With the ramus cut at 15 mm, a cone of 53° left one of 12 axes 24° off instead of 6°."""

CROWN_MM3: Final = 150.0
"""A tenth of a condylar head; with a single point instead, and the ramus cut at 15 mm, 3 of 12
axes ran away."""

CROWN_SHARE: Final = 0.1
"""Of the bone within 12 mm of the axis, where that is less, as in a mask of a few voxels."""

CROWN_BELOW_APEX_MM: Final = 1.5
"""The crown of the reference joints lies 2.7 mm below the apex (median). A head that reaches a
little deeper than 10 mm settles better: 8° off with the ramus cut at 15 mm, instead of 24°."""

LEAST_SHAFT_MM3: Final = 40.0
"""Of the reference joints, cut at 15 mm, the slenderest keeps 180 mm³."""

STEEPEST_DEGREES: Final = 60.0
"""The steepest reference joint is 35° off the superior direction of its scan; a head tilted by 15°
adds to that."""

NEAR_MM: Final = 40.0
"""Farther off, nothing is looked at: twice as far as anything counts."""

ROUNDS: Final = 40
SETTLED: Final = 1e-6
"""As sets of voxels, head and shaft settle exactly, after 5 to 15 rounds."""

EDGE_OF_VIEW_VOXELS: Final = 2
"""Bone so near the end of the scan may go on beyond it."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a condylar process, in the coordinates (mm) that the mask was given in.

    Attributes
    ----------
    up
        A unit vector, at most 60° from the superior direction of the scan.
    through_mm
        A point on the axis, near the centroid of the condylar head.
    seen_mm
        How far below that point the ramus is in view, at most 20 mm.
    own
        False where no axis of its own could be found; ``up`` is then that of the scan.
    """

    up: Vector
    through_mm: Vector
    seen_mm: float = FARTHEST_MM
    own: bool = True

    @property
    def directions(self) -> npt.NDArray[np.float64]:
        """The unit vectors to lateral, to posterior and up, as rows (3, 3).

        Posterior is the direction at right angles to the axis that is nearest to the scan's.
        """
        up = np.array(self.up)
        posterior = np.array([0.0, 1.0, 0.0]) - up[1] * up
        posterior /= np.linalg.norm(posterior)
        return np.stack([np.cross(posterior, up), posterior, up])

    def along(self, points_mm: Points) -> Scalars:
        """Return how far up the axis points (N, 3) lie from ``through_mm``, in mm."""
        return np.asarray((points_mm - np.array(self.through_mm)) @ np.array(self.up))

    def across(self, points_mm: Points) -> Scalars:
        """Return the distance of points (N, 3) from the axis, in mm."""
        offset = points_mm - np.array(self.through_mm)
        side = offset - (offset @ np.array(self.up))[:, None] * np.array(self.up)
        return np.asarray(np.linalg.norm(side, axis=1))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to beware of, in words; empty for an axis that was found on enough bone."""
        if not self.own:
            why = "too little of the ramus is in view"
            if self.seen_mm >= LEAST_SEEN_MM:
                why = f"the condylar process seems to lie over {STEEPEST_DEGREES:.0f}° on its side"
            return (
                f"{why}: the superior direction of the scan stands for the axis of the condylar "
                "process",
            )
        if self.seen_mm < FARTHEST_MM - 0.5:
            return (
                f"the ramus is in view to {self.seen_mm:.0f} mm below the condylar head "
                f"({FARTHEST_MM:.0f} mm are used): the condylar process's axis is less certain",
            )
        return ()


def process_axis(
    mandible_zyx: Mask,
    grid: Grid,
    start_mm: Vector,
    settings: HeadSettings,
    seen_zyx: Mask | None = None,
) -> Axis:
    """Find the axis of a condylar process.

    Parameters
    ----------
    mandible_zyx, grid
        One connected piece of mandible, [z, y, x], on a grid along the axes of the scan.
    start_mm
        A point in or near the condylar head.
    settings
        What counts as the condylar head.
    seen_zyx
        False where the scan has no data; None where it has data throughout.

    Raises
    ------
    NoCondyleError
        There is no mandible within 40 mm of ``start_mm``.
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
    """The voxels of a mandible near a joint: where they lie in mm, (N, 3), and in a box of voxels.

    ``cut`` (N,) is true for those at the edge of what is in view.
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
        near = np.linalg.norm(points - start_mm, axis=1) <= NEAR_MM
        if not near.any():
            raise NoCondyleError(
                f"no mandible was segmented within {NEAR_MM:.0f} mm of the joint, so "
                "it cannot be measured; check the segmentation"
            )
        cut = _by_the_edge(index[near], mask.shape, seen)
        index, points = index[near], points[near]
        low = index.min(axis=0)
        return cls(
            points,
            tuple((index - low).T),
            tuple(index.max(axis=0) - low + 1),
            cut,
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


def _by_the_edge(
    index_zyx: npt.NDArray[np.int64], shape_zyx: tuple[int, ...], seen: Mask | None
) -> Mask:
    """(N,): which voxels (N, 3) lie at the edge of what is in view."""
    if seen is None or seen.all():
        last = np.array(shape_zyx) - EDGE_OF_VIEW_VOXELS
        return np.asarray(((index_zyx < EDGE_OF_VIEW_VOXELS) | (index_zyx >= last)).any(axis=1))
    inner = ndimage.binary_erosion(seen, iterations=EDGE_OF_VIEW_VOXELS)
    return np.asarray(~inner[tuple(index_zyx.T)])


def _across(offset: Points, up: Points) -> Scalars:
    """(N,): the length of offsets (N, 3) at right angles to the unit vector ``up``."""
    along = offset @ up
    squared = np.einsum("ij,ij->i", offset, offset) - along * along
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))
