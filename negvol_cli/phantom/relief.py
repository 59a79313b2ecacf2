"""What makes a bone's surface rough, worn and overgrown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.phantom.shapes import (
    Array,
    Samples,
    Sweep,
    Waves,
    ellipsoid,
    rod,
    smooth_max,
    union,
)

PIT_SEAM_MM: Final = 0.4
SPUR_SEAM_MM: Final = 1.0
BUMP_MM: Final = (5.0, 8.0)
"""Length of the bumps. With at most 0.3 mm of height they change a distance's slope by 0.2, so
that it still is one to first order (``probe.CARE`` allows for 0.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """Bumps all over, pits cut out and spurs grown on; side coordinates, mm.

    ``bumps_mm`` is the height of the bumps above the mean surface.
    """

    bumps: Waves
    bumps_mm: float
    pits: tuple[Sweep, ...] = ()
    spurs: tuple[Sweep, ...] = ()

    @classmethod
    def draw(cls, rng: np.random.Generator, bumps_mm: float) -> Relief:
        """Bumps alone."""
        waves = Waves.draw(rng, 6, float(rng.uniform(*BUMP_MM)))
        return cls(bumps=waves, bumps_mm=bumps_mm)

    def on(self, distance: Array, samples: Samples, away_mm: Array) -> Array:
        """The signed ``distance`` of a smooth solid turned into that of the rough one.

        The bumps fade 2 to 5 mm away from the part that has them, by its distance ``away_mm``.
        """
        fading = np.clip((5.0 - away_mm) * (1 / 3.0), 0.0, 1.0)
        rough = distance + self.bumps_mm * fading * self.bumps.value(samples)
        grown = union(self.spurs, samples, SPUR_SEAM_MM, rough)
        for pit in self.pits:
            if pit.near(samples, 3.0):
                grown = smooth_max(grown, -pit.distance(samples), PIT_SEAM_MM)
        return grown


def draw_pit(rng: np.random.Generator, surface_mm: Vector, inward: Vector) -> Sweep:
    """An erosion about a point of the surface, 0.5 to 1.5 mm deep and about 2 mm wide."""
    deep, wide = rng.uniform(0.5, 1.5), rng.uniform(0.8, 1.6)
    centre = np.array(surface_mm) + 0.2 * deep * np.array(inward)
    return ellipsoid(vector(centre), (float(wide), float(wide), float(0.8 * deep)))


def draw_spur(rng: np.random.Generator, surface_mm: Vector, inward: Vector) -> Sweep:
    """An osteophyte that leaves the surface outward and bends down."""
    out = -np.array(inward) + np.array([0.0, 0.0, -rng.uniform(0.2, 0.8)])
    out /= np.linalg.norm(out)
    root, tip = surface_mm - 0.8 * out, surface_mm + rng.uniform(0.8, 2.5) * out
    thick = float(rng.uniform(1.0, 1.7))
    return rod(vector(root), vector(tip), thick, 0.6 * thick)
