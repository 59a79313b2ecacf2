"""The distance between slices, which an image file may have wrong, checked by the eyeballs.

An eyeball is as high as it is wide to within a millimetre (24.2 and 23.7 mm in 250 adults: Bekerman
et al., J Ophthalmol 2014, 503645), and the dark fat behind it shows where it ends. In a scan whose
slices lie twice as far apart as its header says it looks half as high as it is wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.structures import AIR_HU

USUAL_HEIGHT: Final = 1.13
"""Times as high as wide that an eyeball looks by its contrast to fat: the muscles above and below,
which are as bright, count as well. Of five real heads 0.98 to 1.25 (``benchmarks/eyeballs.py``)."""
TOLERANCE: Final = 1.4
"""By how much more or less is told."""
CLEAR_HU: Final = 34.0
"""The least contrast to fat at which it is told."""
ALIKE: Final = 1.35
"""Times as high as the other that one eyeball may look for both to be believed."""
COARSE_MM: Final = 1.5
MOST_APART_MM: Final = 6.0
"""Pixels and slices above which the eyeballs are not looked for."""

RADIUS_MM: Final = 12.0
BESIDE_MM: Final = (15.0, 50.0)
BEFORE_MM: Final = (40.0, 110.0)
ABOVE_MM: Final = (-35.0, 80.0)
"""Where an eyeball's centre lies from the middle between the condyles, also of a nodding head."""
STEP_MM: Final = 4.0
LIKELY: Final = 0.8
"""How likely a place must be (``_place``) for an eyeball to be looked for there. Of the heads in
``benchmarks/eyeballs.py`` it changes nothing that is told."""
HEIGHTS: Final = tuple(float(height) for height in np.exp(np.arange(-6, 7) * 0.18))
"""Times as high as wide that are tried first: 0.34 to 2.9."""
NEAR: Final = 2
CLEARLY_HU: Final = 5.0
"""By how much the best must beat all but those two beside it."""
FINER: Final = 0.08
"""And then about the best of them, as natural logarithms."""
SIDEWAYS_MM: Final = (-4.0, 0.0, 4.0)
UP_MM: Final = (-12.0, -8.0, -4.0, 0.0, 4.0, 8.0, 12.0)
FIRST_STEP_MM: Final = 2.0
LAST_STEP_MM: Final = 0.3

_SOFT_HU: Final = (-40.0, 100.0)
_FAT_HU: Final = (-160.0, -15.0)
_AIR_HU: Final = -300.0
_EYEBALL_TO_FAT_HU: Final = (-100.0, 15.0)
_MOST_HU: Final = 80.0
_BEYOND_MM: Final = 3.0
"""From the edge, how far inside and outside of it is compared, and how much must be scanned."""
_ASIDE_MM: Final = (-20.0, -10.0, 0.0, 10.0, 20.0)
_BEHIND_MM: Final = (-60.0, -50.0, -40.0, -30.0, -20.0, -10.0)
"""Where a head is not all air, as its sinuses are."""
_RAYS: Final = 160

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Eyeballs:
    """Both eyeballs: ``width_mm``, and by how much more they look high than wide, ``stretched``.

    ``stretched`` is 1 where slices lie as far apart as the header says, and more where they lie
    closer. ``contrast_hu`` is by how much they are brighter than what is behind them.
    """

    width_mm: float
    stretched: float
    contrast_hu: float

    @property
    def deny_header(self) -> bool:
        """Whether they look by far too high or too low for slices as the header says."""
        return not 1 / TOLERANCE <= self.stretched <= TOLERANCE


def eyeballs(ct: Volume, right_mm: Vector, left_mm: Vector) -> Eyeballs | None:
    """The eyeballs of a head in HU whose condyles' centres lie there, LPS mm.

    None where they are not seen whole and clearly, or look unlike each other.
    """
    right, back, apart = ct.grid.spacing_mm_xyz
    if max(right, back) > COARSE_MM or apart > MOST_APART_MM:
        return None
    head = _Head(ct, right_mm, left_mm)
    starts = _starts(head)
    if starts is None:
        return None
    tried = _fit(head, starts, np.array(HEIGHTS))
    each = [tried.height_of(tried.contrast[:, number]) for number in range(2)]
    if tried.is_doubtful or max(each) > ALIKE * min(each):
        return None
    best = tried.best
    finer = HEIGHTS[best] * np.exp(FINER * np.arange(-2, 3))
    found = _fit(head, np.repeat(tried.balls[best][None], len(finer), axis=0), finer)
    middle = found.best
    if found.contrast[middle].min() < CLEAR_HU or not head.holds(*found.at(middle)):
        return None
    height = found.height_of(found.contrast.mean(axis=1))
    width = 2 * float(found.balls[middle, :, 3].mean())
    return Eyeballs(width, height / USUAL_HEIGHT, float(found.contrast[middle].mean()))


def eyeball_flags(ct: Volume, right_mm: Vector, left_mm: Vector) -> tuple[str, ...]:
    """A flag where the eyeballs of a head in HU are by far too high or too low."""
    found = eyeballs(ct, right_mm, left_mm)
    if found is None or not found.deny_header:
        return ()
    return (
        f"the eyeballs look {found.stretched:.1f} times as high as they are wide: the distance "
        "between slices is hardly what the header says, and if it is not, figures are wrong",
    )


class _Head:
    """A scan in mm from the middle between the condyles: to the left, to the front, upward."""

    def __init__(self, ct: Volume, right_mm: Vector, left_mm: Vector) -> None:
        grid, spacing = ct.grid, np.array(ct.grid.spacing_mm_xyz)
        right, left = (grid.to_index(point) * spacing for point in (right_mm, left_mm))
        across = (left - right) / np.linalg.norm(left - right)
        upward = np.array([0.0, 0.0, 1.0]) - across * across[2]
        upward /= np.linalg.norm(upward)
        axes = np.array([across, np.cross(across, upward), upward])
        self._values = ct.values_zyx
        self._to_index = (axes / spacing).T[::-1]
        self._middle = ((left + right) / 2 / spacing)[::-1]

    def at(self, points: Floats) -> npt.NDArray[np.float32]:
        """(...): the HU at points (..., 3), between voxels; air beyond the scan."""
        index_zyx = self._to_index @ points.reshape(-1, 3).T + self._middle[:, None]
        hu: npt.NDArray[np.float32] = ndimage.map_coordinates(
            self._values, index_zyx, output=np.float32, order=1, cval=AIR_HU
        )
        return hu.reshape(points.shape[:-1])

    def holds(self, balls: Floats, height: float) -> bool:
        """Whether the head was scanned behind balls (N, 4), from below them to above.

        Of one that looks too low the rest may lie beyond the scan.
        """
        reach = balls[:, 3] * max(height, USUAL_HEIGHT) + _BEYOND_MM
        ends = reach[:, None, None] * np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
        behind = np.array([(x, y, 0.0) for x in _ASIDE_MM for y in _BEHIND_MM])
        hu = self.at(balls[:, None, None, :3] + ends[:, None] + behind[:, None])
        return bool((hu > _AIR_HU).any(axis=1).all())


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    """For each of ``heights`` (H,), times as high as wide, the best ``balls`` (H, N, 4) there.

    A ball is its centre and its radius. ``contrast`` is (H, N), HU.
    """

    heights: Floats
    balls: Floats
    contrast: Floats

    @property
    def best(self) -> int:
        """The number of the height at which all together have the most contrast."""
        return int(np.argmax(self.contrast.mean(axis=1)))

    @property
    def is_doubtful(self) -> bool:
        """Whether the best is at an end, or hardly better than one that is quite another."""
        contrast = self.contrast.mean(axis=1)
        best = self.best
        other = np.delete(contrast, slice(max(best - NEAR, 0), best + NEAR + 1))
        ends = best in (0, len(contrast) - 1)
        return bool(ends or other.max() > contrast[best] - CLEARLY_HU)

    def at(self, number: int) -> tuple[Floats, float]:
        """The balls of a height, and the height."""
        return self.balls[number], float(self.heights[number])

    def height_of(self, contrast: Floats) -> float:
        """The height of most ``contrast`` (H,), between heights that are evenly spaced by ratio."""
        most = int(np.clip(np.argmax(contrast), 1, len(contrast) - 2))
        below, here, above = contrast[most - 1 : most + 2]
        bend = min(below - 2 * here + above, -1e-6)
        off = float(np.clip((below - above) / (2 * bend), -1, 1))
        return float(self.heights[most] * (self.heights[most + 1] / self.heights[most]) ** off)


def _place(head: _Head, side: float) -> tuple[Floats, float]:
    """(3,): where on one side (-1 right, 1 left) there is most likely an eyeball; how likely.

    Soft tissue all around in the axial plane as far as 8 mm, fat behind 15 mm, air 24 mm in front.
    """
    lines = [np.arange(low, high, STEP_MM) for low, high in (BESIDE_MM, BEFORE_MM, ABOVE_MM)]
    places = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3) * (side, 1, 1)
    angles = np.linspace(0.0, np.pi, 10)
    behind = np.stack([np.cos(angles), -np.sin(angles), np.zeros(10)], axis=1)
    inner, outer = (
        head.at(places[:, None, None] + np.array(radii)[:, None, None] * behind)
        for radii in ((0.0, 4.0, 8.0), (15.5, 18.0))
    )
    soft = ((inner > _SOFT_HU[0]) & (inner < _SOFT_HU[1])).mean(axis=(1, 2))
    fat = ((outer > _FAT_HU[0]) & (outer < _FAT_HU[1])).any(axis=1).mean(axis=1)
    air = head.at(places + np.array([0.0, 24.0, 0.0])) < _AIR_HU
    dark = np.clip(-np.median(outer[:, 0], axis=1), 0.0, 100.0) / 100
    likely = np.where(soft > 0.93, (0.2 + fat) * (0.7 + 0.3 * air) + 0.2 * dark, soft - 1.0)
    best = int(np.argmax(likely))
    return places[best], float(likely[best])


def _starts(head: _Head) -> Floats | None:
    """(H, 2, 4): for each of ``HEIGHTS`` a ball on either side, about where an eyeball may be.

    None where one side has no likely place.
    """
    moves = np.stack(np.meshgrid(0.0, SIDEWAYS_MM, UP_MM, [0.0], indexing="ij"), axis=-1)
    starts = []
    for side in (-1.0, 1.0):
        place, likely = _place(head, side)
        if likely < LIKELY:
            return None
        many = (
            np.append(place, RADIUS_MM)
            + moves.reshape(-1, 4) * np.array([[1, 1, h, 1] for h in HEIGHTS])[:, None]
        )
        heights = np.repeat(HEIGHTS, many.shape[1])
        contrast = _contrast(head, many.reshape(-1, 4), heights).reshape(many.shape[:2])
        starts.append(many[np.arange(len(many)), contrast.argmax(axis=1)])
    return np.stack(starts, axis=1)


def _fit(head: _Head, balls: Floats, heights: Floats) -> _Tried:
    """Move and resize ``balls`` (H, N, 4) to where they have most contrast at each of ``heights``.

    A compass search: a step along each coordinate either way, the best of them taken, and half the
    step where none is better.
    """
    shape = balls.shape
    at, height = balls.reshape(-1, 4).copy(), np.repeat(heights, shape[1])
    ways = np.concatenate([np.eye(4), -np.eye(4)]) * (1.0, 1.0, 1.0, 0.3)
    worth = _worth(head, at, height)
    step = np.full(len(at), FIRST_STEP_MM)
    while (going := np.flatnonzero(step > LAST_STEP_MM)).size:
        around = at[going, None] + step[going, None, None] * ways
        found = _worth(head, around.reshape(-1, 4), np.repeat(height[going], len(ways)))
        found = found.reshape(len(going), len(ways))
        most = found.argmax(axis=1)
        better = found.max(axis=1) > worth[going] + 0.01
        moved = going[better]
        at[moved] = around[better, most[better]]
        worth[moved] = found.max(axis=1)[better]
        step[going[~better]] /= 2
    contrast = _contrast(head, at, height)
    return _Tried(heights, at.reshape(shape), contrast.reshape(shape[:2]))


def _worth(head: _Head, balls: Floats, heights: Floats) -> Floats:
    """(K,): the contrast of ``balls`` (K, 4), less for a size that eyeballs do not have."""
    return _contrast(head, balls, heights) - (balls[:, 3] - RADIUS_MM) ** 2


def _rays() -> Floats:
    """(U, 3): directions evenly over the back of a sphere, without its poles."""
    number = np.arange(_RAYS) + 0.5
    up = 1.0 - 2.0 * number / _RAYS
    turn = np.pi * (1.0 + np.sqrt(5.0)) * number
    flat = np.sqrt(1.0 - up * up)
    rays = np.stack([np.cos(turn) * flat, np.sin(turn) * flat, up], axis=1)
    return rays[(rays[:, 1] < 0.05) & (np.abs(up) < 0.9)]


_BACK: Final = _rays()
_BANDS: Final = tuple(
    (low <= _BACK[:, 2]) & (high > _BACK[:, 2])
    for low, high in ((-0.9, -0.65), (-0.65, -0.35), (-0.35, 0.35), (0.35, 0.65), (0.65, 0.9))
)


def _contrast(head: _Head, balls: Floats, heights: Floats) -> Floats:
    """(K,): by how much ``balls`` (K, 4) are brighter within their edge than beyond it, HU.

    They are ``heights`` (K,) times as high as wide. Compared are the three millimetres on either
    side of the edge, along rays to the back. It is the harmonic mean of five bands of them from
    bottom to top, so that none may lack an edge; air, as beyond the end of a scan, makes none.
    """
    off = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    stretch = np.stack([np.ones(len(balls)), np.ones(len(balls)), heights], axis=1)
    ways = (balls[:, 3, None] + off)[:, :, None, None] * _BACK
    points = balls[:, None, None, :3] + ways * stretch[:, None, None]
    hu = head.at(points)
    shown = np.where(hu < _AIR_HU, _EYEBALL_TO_FAT_HU[1], np.clip(hu, *_EYEBALL_TO_FAT_HU))
    step = np.clip(shown[:, :3].mean(axis=1) - shown[:, 3:].mean(axis=1), 0.0, _MOST_HU)
    bands = np.stack([step[:, band].mean(axis=1) for band in _BANDS])
    return np.asarray(1.0 / (1.0 / (bands + 1.0)).mean(axis=0))
