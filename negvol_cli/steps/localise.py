"""Localisation of both joints in a whole scan, or the statement that they are not there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.bundle.manifest import ModelSpec
from negvol_cli.geometry.blocks import block_means
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.resample import resample
from negvol_cli.inference.normalise import normalise
from negvol_cli.structures import AIR_HU, Side

FOUND: Final = 0.45
"""The least confidence of a joint: in 20 scans cropped beside the joints it reached 0.42, in heads
whose joints are in view never less than 0.55, each by a network that had not seen the head."""

SURE_OF_ORIENTATION: Final = 0.5
"""How sure another way for the head to lie must be to be taken for the true one: between what
upright and flipped heads reach (below)."""
SURE_UPRIGHT: Final = 0.55
"""Both joints found so surely as the header says leave no other way for the head to lie: of 58
scans the upright ones reach 0.59 to 0.79, flipped ones at most 0.43
(``benchmarks/head_orientation.py``)."""
SURER_BY: Final = 1.1
"""Times as sure as the way the header says, so that a tie leaves the header right."""
PEAK_RADIUS_MM: Final = 10.0
"""A condylar head is about 20 mm wide: the heat within its half is averaged to a centre."""

HIGHEST_HU: Final = 3071
"""The top of a 12-bit CT; metal above it would outweigh bone in the block means."""

BONE_HU: Final = 300.0
"""Below cortex and above soft tissue with contrast; only chooses where to look."""

LEAST_BONE_MM3: Final = 12_800.0
"""200 voxels of 4 mm: less bone than around any joint, so such tiles are skipped."""

MARGIN_MM: Final = 16.0
"""Four voxels of 4 mm, within which a tile's face cuts the network's view of a joint."""

BETWEEN_JOINTS_MM: Final = (70.0, 140.0)
"""Adults' condyles lie about 95 to 115 mm apart; with room for children, large heads and the
localiser's error."""

ANOTHER_MM: Final = 40.0
"""Of the same side, joints so far apart are two heads': the localiser is within 12 mm
(docs/accuracy.md), and heads do not lie nearer to each other than they are wide."""

Floats = npt.NDArray[np.float32]
Heat = Callable[[Floats], Floats]


class HeadOrientation(StrEnum):
    """How the head lies in the scan, compared with what the header says."""

    UPRIGHT = "as the header says"
    UPSIDE_DOWN = "upside down"
    BACK_TO_FRONT = "back to front"
    TURNED_OVER = "upside down and back to front"

    @property
    def flipped_axes(self) -> tuple[int, ...]:
        """The axes of a [z, y, x] array whose flip brings the head upright."""
        return {"UPRIGHT": (), "UPSIDE_DOWN": (0,), "BACK_TO_FRONT": (1,), "TURNED_OVER": (0, 1)}[
            self.name
        ]


@dataclass(frozen=True, slots=True)
class FoundJoint:
    """A condyle's centre, LPS mm, and the network's confidence in it (0 to 1)."""

    centre_mm_xyz: Vector
    confidence: float


Pair = tuple[FoundJoint | None, FoundJoint | None]
"""The right and the left joint of a head, None where it was not found."""
Candidates = tuple[list[FoundJoint], list[FoundJoint]]
"""Every right and every left joint that some tile shows."""


@dataclass(frozen=True, slots=True)
class Localisation:
    """Both joints, None where not in view, and how the head really lies.

    ``more_heads`` is true where a joint of another head is in view as well.
    """

    right: FoundJoint | None
    left: FoundJoint | None
    orientation: HeadOrientation = HeadOrientation.UPRIGHT
    more_heads: bool = False

    def __getitem__(self, side: Side) -> FoundJoint | None:
        """Return the joint of one side."""
        return self.right if side is Side.RIGHT else self.left


@dataclass(frozen=True, slots=True)
class Tiling:
    """The tiles that a localiser sees, as its manifest says: cubes of ``size`` voxels."""

    size: int
    spacing_mm: float
    window_hu: tuple[float, float]

    @classmethod
    def of(cls, spec: ModelSpec) -> Tiling:
        """The tiles of the localiser that ``spec`` describes."""
        return cls(spec.size_zyx[0], spec.spacing_mm, spec.window_hu)

    @property
    def margin(self) -> int:
        """Voxels of 16 mm, rounded up: so near to a tile's face a joint is not seen whole."""
        return math.ceil(MARGIN_MM / self.spacing_mm)

    def normalised(self, hu: npt.ArrayLike) -> Floats:
        """Values as the network sees them."""
        return normalise(np.asarray(hu), self.window_hu)


def locate(volume: Volume, heat: Heat, tiling: Tiling) -> Localisation:
    """Find both joints in a scan.

    A head whose joints are found more confidently with its array flipped was stored against its
    header; then ``orientation`` says so, and the joints are None, because left and right can no
    longer be told.

    Parameters
    ----------
    volume
        The scan, in HU.
    heat
        Takes a normalised tile of ``tiling`` and returns (2, size, size, size): how much each voxel
        is the centre of the right and of the left joint.
    tiling
        The localiser's spacing, size and window.
    """
    small = about_bone(coarse(volume, tiling.spacing_mm), tiling)
    image = tiling.normalised(small.values_zyx)
    candidates = joints_in(image, small.grid, heat, tiling)
    upright = best_pair(candidates)
    more_heads = _shows_another_head(candidates, upright)
    if sureness(upright) >= SURE_UPRIGHT:
        return Localisation(*upright, more_heads=more_heads)
    found = {
        orientation: pair_in(np.flip(image, orientation.flipped_axes), small.grid, heat, tiling)
        for orientation in HeadOrientation
        if orientation is not HeadOrientation.UPRIGHT
    }
    orientation = max(found, key=lambda orientation: sureness(found[orientation]))
    sure = sureness(found[orientation])
    if sure >= SURE_OF_ORIENTATION and sure > SURER_BY * sureness(upright):
        return Localisation(None, None, orientation)
    return Localisation(*upright, more_heads=more_heads)


def coarse(volume: Volume, spacing_mm: float) -> Volume:
    """Return the scan at ``spacing_mm``, about 4 mm, on a grid along the LPS axes, HU, float32.

    Voxels are first averaged in blocks, slab by slab, so that a large scan needs little memory.
    """
    factor = [max(1, int(spacing_mm / s + 0.25)) for s in volume.grid.spacing_mm_xyz]
    shrunk = _block_means(volume, factor)
    corners = volume.grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.maximum(1, np.round((high - low) / spacing_mm)).astype(int)
    first = low + spacing_mm / 2
    grid = Grid(
        (int(size[0]), int(size[1]), int(size[2])),
        (spacing_mm,) * 3,
        vector(first),
    )
    return Volume(resample(shrunk, grid, fill=AIR_HU), grid)


def about_bone(small: Volume, tiling: Tiling) -> Volume:
    """Return the part of a coarse scan with bone, at least ``size`` voxels wide if possible.

    Air and couch are most of a planning CT, and would otherwise be most of its tiles.
    """
    bone, size, margin = small.values_zyx > BONE_HU, tiling.size, tiling.margin
    if not bone.any():
        return small
    low, high = [], []
    for axis, many in enumerate(bone.shape):
        others = tuple(other for other in range(3) if other != axis)
        filled = np.flatnonzero(bone.any(axis=others))
        first, end = filled[0] - margin, filled[-1] + 1 + margin
        lacking = max(0, size - (end - first))
        first = max(0, min(first - lacking // 2, many - size))
        low.append(int(first))
        high.append(int(min(many, max(end, first + size))))
    part = small.values_zyx[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    nz, ny, nx = part.shape
    grid = replace(
        small.grid,
        size_xyz=(nx, ny, nz),
        origin_mm_xyz=vector(small.grid.to_world(low[::-1])),
    )
    return Volume(part, grid)


def _block_means(volume: Volume, factor_xyz: list[int]) -> Volume:
    fx, fy, fz = factor_xyz
    nx, ny, nz = (n // f for n, f in zip(volume.grid.size_xyz, factor_xyz, strict=True))
    means = np.empty((nz, ny, nx), dtype=np.float32)
    for z in range(nz):
        slab = volume.values_zyx[z * fz : (z + 1) * fz, : ny * fy, : nx * fx]
        means[z] = block_means(_limited(slab), (fy, fx))
    origin = volume.grid.to_world([(f - 1) / 2 for f in factor_xyz])
    sx, sy, sz = volume.grid.spacing_mm_xyz
    grid = Grid(
        (nx, ny, nz),
        (sx * fx, sy * fy, sz * fz),
        vector(origin),
        volume.grid.direction,
    )
    return Volume(means, grid)


def _limited(hu: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """HU from air's to the highest, in their own type."""
    low, high = AIR_HU, HIGHEST_HU
    if hu.dtype.kind in "iu":
        held = np.iinfo(hu.dtype)
        low, high = max(int(low), held.min), min(high, held.max)
    return np.asarray(np.clip(hu, low, high))


def pair_in(image: Floats, grid: Grid, heat: Heat, tiling: Tiling) -> Pair:
    """Return the best right and left joint among the peaks of all tiles, a likely pair first."""
    return best_pair(joints_in(image, grid, heat, tiling))


def joints_in(image: Floats, grid: Grid, heat: Heat, tiling: Tiling) -> Candidates:
    """Return the right and the left joints at the peaks of all tiles.

    A peak near a face of its tile that is not a face of the image is left to the next tile, which
    sees the joint whole.
    """
    found: tuple[list[FoundJoint], list[FoundJoint]] = ([], [])
    size, margin = tiling.size, tiling.margin
    for corner, tile in _tiles(image, tiling):
        for channel, heat_zyx in enumerate(heat(tile)):
            for at in _peaks(heat_zyx, tiling.spacing_mm):
                cut_low = (at < margin) & (corner > 0)
                cut_high = (at >= size - margin) & (corner + size < image.shape)
                if (cut_low | cut_high).any():
                    continue
                centroid = _centroid(heat_zyx, at, tiling.spacing_mm)
                centre = vector(grid.to_world((centroid + corner)[::-1]))
                found[channel].append(FoundJoint(centre, float(heat_zyx[tuple(at)])))
    return found


def best_pair(candidates: Candidates) -> Pair:
    """Return the surest likely pair; if there is none, the surest joint alone."""
    pairs = list(_pairs(candidates))
    if pairs:
        return max(pairs, key=lambda pair: pair[0].confidence + pair[1].confidence)
    right, left = (max(side, key=lambda j: j.confidence, default=None) for side in candidates)
    if right is None or left is None:
        return right, left
    return (right, None) if right.confidence >= left.confidence else (None, left)


def _pairs(candidates: Candidates) -> Iterator[tuple[FoundJoint, FoundJoint]]:
    rights, lefts = candidates
    yield from ((right, left) for right in rights for left in lefts if _is_pair(right, left))


def _shows_another_head(candidates: Candidates, chosen: Pair) -> bool:
    """Whether there is a joint that cannot belong to the head of the ``chosen`` ones.

    That is one of the same side ``ANOTHER_MM`` away or, where only the other side was chosen, one
    farther from it than two joints of a head are.
    """
    for side, (own, other) in zip(candidates, (chosen, chosen[::-1]), strict=True):
        nearest, reach = (own, ANOTHER_MM) if own else (other, BETWEEN_JOINTS_MM[1])
        if nearest and any(_apart_mm(joint, nearest) > reach for joint in side):
            return True
    return False


def _apart_mm(one: FoundJoint, other: FoundJoint) -> float:
    return math.dist(one.centre_mm_xyz, other.centre_mm_xyz)


def sureness(pair: Pair) -> float:
    """Return the lower confidence of a pair; 0 if one is missing."""
    right, left = pair
    return min(right.confidence, left.confidence) if right and left else 0.0


def _is_pair(right: FoundJoint, left: FoundJoint) -> bool:
    """Whether two joints can belong to one head, turned by no more than about 25 degrees."""
    offset = np.subtract(left.centre_mm_xyz, right.centre_mm_xyz)
    least, most = BETWEEN_JOINTS_MM
    return bool(least <= np.linalg.norm(offset) <= most and offset[0] >= 0.85 * least)


def _tiles(image: Floats, tiling: Tiling) -> Iterator[tuple[npt.NDArray[np.int64], Floats]]:
    """Tiles of the image with their first voxel (z, y, x), overlapping by half.

    Tiles with next to no bone are skipped.
    """
    size = tiling.size
    bone = float(tiling.normalised(BONE_HU))
    least = LEAST_BONE_MM3 / tiling.spacing_mm**3
    starts = [
        [round(float(s)) for s in np.linspace(0, n - size, max(1, -(-(n - size) * 2 // size) + 1))]
        if n > size
        else [(n - size) // 2]
        for n in image.shape
    ]
    for z in starts[0]:
        for y in starts[1]:
            for x in starts[2]:
                corner = np.array([z, y, x])
                low = np.maximum(corner, 0)
                high = np.minimum(corner + size, image.shape)
                part = image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
                if np.count_nonzero(part > bone) < least:
                    continue
                tile = np.full((size,) * 3, -1.0, dtype=np.float32)
                at = low - corner
                to = at + part.shape
                tile[at[0] : to[0], at[1] : to[1], at[2] : to[2]] = part
                yield corner, tile


def _peaks(heat_zyx: Floats, spacing_mm: float) -> Iterator[npt.NDArray[np.int64]]:
    """The peaks (z, y, x) of one side's heat, highest first: one for each head that a tile shows.

    None lies within ``ANOTHER_MM`` of a higher one along every axis.
    """
    left, reach = heat_zyx, round(ANOTHER_MM / spacing_mm)
    while left.max() >= FOUND:
        at = np.array(np.unravel_index(int(left.argmax()), left.shape))
        yield at
        left = left.copy()
        left[tuple(slice(max(0, n - reach), n + reach + 1) for n in at)] = 0.0


def _centroid(
    heat_zyx: Floats, peak: npt.NDArray[np.int64], spacing_mm: float
) -> npt.NDArray[np.float64]:
    """The heat's centre of mass (z, y, x) around a peak, in voxels."""
    reach = math.ceil(PEAK_RADIUS_MM / spacing_mm)
    low = np.maximum(peak - reach, 0)
    about = heat_zyx[tuple(slice(a, b) for a, b in zip(low, peak + reach + 1, strict=True))]
    index = np.indices(about.shape).reshape(3, -1).T + low
    near = np.linalg.norm((index - peak) * spacing_mm, axis=1) <= PEAK_RADIUS_MM
    weights = about.reshape(-1)[near].astype(np.float64)
    return np.asarray(np.average(index[near], axis=0, weights=weights))
