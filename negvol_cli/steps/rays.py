"""Straight lines from the condyle (MC) outward, and what they meet on their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.distance import Field, Scalars
from negvol_cli.steps.landmarks import Clip

DETOUR_MM: Final = 0.5
DETOUR_SHARE: Final = 0.05
"""How much nearer another part of MC may be to a hit than the start of its ray, in mm or as a
share of the ray, before the hit counts as that part's: a node of the lattice, which is how well
distances are known, or the same in proportion on long rays. ``tests/steps/test_closed_form.py``
holds the resulting volumes."""

BEYOND_CLIP_MM: Final = 1.0
"""How far outside the clip a ray is followed: two nodes of the lattice."""

_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """N rays: their starts (N, 3) in mm and their unit directions (N, 3)."""

    start_mm: Points
    direction: Points

    def __getitem__(self, index: npt.NDArray[np.intp]) -> Rays:
        """The rays of an index (M,)."""
        return Rays(np.take(self.start_mm, index, axis=0), np.take(self.direction, index, axis=0))

    def at(self, distance_mm: Scalars) -> Points:
        """Return the point (N, 3) at a distance (N,) along each ray."""
        return self.start_mm + distance_mm[:, None] * self.direction


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Where N rays meet TB.

    Attributes
    ----------
    distance_mm
        The distance (N,) from the start of each ray, NaN where it meets no TB.
    hit_margin_mm
        Positive (N,) where the hit counts: how far it lies inside the clip, or how far the
        nearest MC is from being some other part of MC, whichever is less.
    """

    distance_mm: Scalars
    hit_margin_mm: Scalars


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What rays run through: distances from TB and from MC, the clip, the shortest step."""

    bone: Field
    condyle: Field
    clip: Clip
    step_mm: float

    def lowest_along(self, rays: Rays, length_mm: Scalars, enough_mm: float) -> Scalars:
        """Return the least distance to TB (N,) on each segment.

        The search stops once it is below ``enough_mm``. As the distance says how far TB is at
        least, one may go that far without a look.
        """
        lowest = np.full(len(length_mm), np.inf)
        travelled = np.zeros(len(length_mm))
        active = np.arange(len(length_mm))
        while len(active):
            here = travelled[active]
            value = self.bone(rays[active].at(here))
            lowest[active] = np.minimum(lowest[active], value)
            going = (here < length_mm[active]) & (value > enough_mm)
            onward = here + np.maximum(value, self.step_mm)
            travelled[active] = np.minimum(onward, length_mm[active])
            active = active[going]
        return lowest

    def bone_ahead(self, rays: Rays, least_mm: Scalars) -> Hits:
        """Follow rays for ``least_mm`` (N,) and on, until they meet TB or leave the clip.

        A hit counts inside the clip, and where no other part of MC is nearer to it than the ray's
        start by more than 0.5 mm or 5 %.
        """
        hit = self._first_hit(rays, least_mm)
        found = np.flatnonzero(np.isfinite(hit))
        points = rays[found].at(hit[found])
        tolerance = np.maximum(DETOUR_MM, DETOUR_SHARE * hit[found])
        margin = np.full(len(hit), -np.inf)
        margin[found] = np.minimum(
            tolerance - np.abs(self.condyle(points) - hit[found]), self.clip.depth(points)
        )
        return Hits(hit, margin)

    def _first_hit(self, rays: Rays, least_mm: Scalars) -> Scalars:
        hit = np.full(len(least_mm), np.nan)
        travelled, last = np.zeros(len(least_mm)), np.zeros(len(least_mm))
        before = np.zeros(len(least_mm))  # the distance to TB at ``last``; at first that is met
        farthest = least_mm + 2.0 * np.sqrt(3.0) * self.clip.half_width_mm
        active = np.arange(len(least_mm))
        while len(active):
            here = travelled[active]
            points = rays[active].at(here)
            value = self.bone(points)
            met = value <= 0
            share = before[active] / np.maximum(before[active] - value, _TINY)
            hit[active[met]] = (last[active] + share * (here - last[active]))[met]
            near = (here < least_mm[active]) | (self.clip.depth(points) > -BEYOND_CLIP_MM)
            going = ~met & near & (here < farthest[active])
            before[active], last[active] = value, here
            travelled[active] = here + np.maximum(value, self.step_mm)
            active = active[going]
        return hit
