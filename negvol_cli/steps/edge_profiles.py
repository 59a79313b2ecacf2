"""What the lines through a bone's surface meet: the CT's own voxels, and the networks' bones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.sample import Lines, beside_lines
from negvol_cli.steps.edge_smoothing import Neighbours

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ALONG_MM: Final = np.arange(-3.5, 4.51, 0.25)
"""Where voxels are looked for, from the networks' surface: less is inside the bone."""
CLEAR_MM: Final = 0.3
"""What is nearer to the networks' surface than this may still be that surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The voxels along V lines: depth (V, N), mm, minus inside; HU; and which were recorded.

    ``noise_share`` (V,) is how much of a voxel's noise is left in them.
    """

    t_mm: Floats
    hu: Floats
    recorded: Mask
    noise_share: Floats

    def below(self, cut_hu: float) -> Seen:
        """The same without voxels whose true HU, ``cut_hu`` or more, was cut off at export."""
        return replace(self, recorded=self.recorded & (self.hu < cut_hu))

    def of(self, some: slice | npt.NDArray[np.intp]) -> Seen:
        """Some of the lines."""
        return Seen(self.t_mm[some], self.hu[some], self.recorded[some], self.noise_share[some])

    def averaged(self, near: Neighbours) -> Seen:
        """Each line's voxels averaged with those at the same depth on its neighbours' lines.

        A neighbour counts as much as it is alike. Depths count from a smooth surface, so an edge
        stays as sharp as it was, while the noise, whose grain is finer than lines are apart, falls.
        """
        index, alike = near
        total = self.recorded.astype(np.float64)
        t, hu = total * self.t_mm, total * self.hu
        for other, weight in zip(index.T, alike.T, strict=True):
            share = weight[:, None] * self.recorded[other]
            total += share
            t += share * self.t_mm[other]
            hu += share * self.hu[other]
        total = np.maximum(total, 1.0)
        left = np.sqrt(1.0 + (alike**2).sum(axis=1)) / (1.0 + alike.sum(axis=1))
        return Seen(t / total, hu / total, self.recorded, self.noise_share * left)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What each of V lines meets by the networks, in mm from the surface; infinite if nothing.

    ``opposite_mm`` is how far bone is outside, ``back_mm`` how deep the bone itself is.
    """

    opposite_mm: Floats
    back_mm: Floats


def read_profiles(
    ct: Volume, frame: JointFrame, points_mm: Points, normals: Points, padding_hu: float
) -> Seen:
    """The voxels of ``ct`` nearest to lines through frame points (V, 3) along unit ``normals``.

    Nothing below ``padding_hu`` and nothing beyond the scan was recorded.
    """
    ways = frame.to_world(normals) - frame.to_world(np.zeros(3))
    lines = Lines(ct.grid.to_index(frame.to_world(points_mm)), ways)
    t, hu = beside_lines(ct.values_zyx, ct.grid.axes, lines, ALONG_MM, 0.0)
    # beyond the scan its border is repeated, at the border's own depth
    recorded = (np.abs(t - ALONG_MM) <= _half_voxel(ct.grid, ways)[:, None]) & (hu > padding_hu)
    return Seen(t, hu, recorded, np.ones(len(t)))


def look_along(
    points_mm: Points,
    normals: Points,
    own_p: npt.NDArray[Any],
    other_p: npt.NDArray[Any],
    grid: Grid,
) -> Sight:
    """What lines meet by the probabilities of their own bone and the other's, over ``grid``."""
    lines = points_mm[:, None, :] + ALONG_MM[:, None] * normals[:, None, :]
    index = np.moveaxis(grid.to_index(lines), -1, 0)[::-1]
    own, other = (
        ndimage.map_coordinates(p, index, order=1, mode="nearest") > 0.5 for p in (own_p, other_p)
    )
    outside = ALONG_MM > CLEAR_MM
    left = np.cumsum(~own & (ALONG_MM > -CLEAR_MM), axis=1) > 0
    opposite = (other | (own & left)) & outside
    behind = ~own & (ALONG_MM < -CLEAR_MM)
    return Sight(first_where(opposite), first_where(behind[:, ::-1], -ALONG_MM[::-1]))


def first_where(mask: Mask, at_mm: Floats = ALONG_MM) -> Floats:
    """(V,): where each row of ``mask`` (V, N) is true first, of ``at_mm`` (N,); else infinite."""
    return np.where(mask.any(axis=1), at_mm[np.argmax(mask, axis=1)], np.inf)


def _half_voxel(grid: Grid, ways: Points) -> Floats:
    """(V,): how far along ``ways`` the middle of a voxel can lie from a point in it."""
    return np.asarray(0.5 * np.abs(ways @ grid.axes / 1.0).sum(axis=1) + 1e-6)
