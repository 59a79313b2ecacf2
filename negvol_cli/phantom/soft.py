"""Skin, fat, muscles and airway, in head coordinates laid on one side (x lateral, mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.phantom.joint_draw import HeadSize
from negvol_cli.phantom.shapes import (
    Array,
    Samples,
    Sweep,
    Waves,
    ellipsoid,
    rod,
    smooth_min,
    union,
)

FAT_HU, MUSCLE_HU, BRAIN_HU, WATER_HU = -95.0, 55.0, 34.0, 8.0
"""Within what textbooks of radiology give: fat -120 to -70, muscle 35 to 75, brain 20 to 45, and
cerebrospinal fluid 0 to 15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftTissue:
    """The outline of head and neck, and what is soft in it; all solids in side coordinates.

    ``chin`` goes with the mandible when the mouth opens.
    """

    scalp_mm: float
    outline: tuple[Sweep, ...]
    chin: tuple[Sweep, ...]
    pinna: tuple[Sweep, ...]
    muscles: tuple[Sweep, ...]
    airway: tuple[Sweep, ...]
    ventricles: tuple[Sweep, ...]
    fat_mm: float
    fatness: float
    streaks: Waves
    mottle: Waves

    def skin(self, both: Samples, closed: Samples, cavity: Array, cover_mm: float) -> Array:
        """Signed distance to the skin; ``closed`` are the samples as the closed mandible's."""
        total = union(self.outline, both, 14.0, cavity - (cover_mm + self.scalp_mm))
        total = union(self.chin, closed, 14.0, total)
        for part in self.pinna:
            if part.near(both, 8.0):
                total = smooth_min(total, part.distance(both), 3.0)
        return total

    def values(self, samples: Samples, both: Samples, skin: Array) -> Array:
        """HU of fat and muscle at the samples, airway left aside."""
        mottle = self.mottle.value(samples)
        share = np.clip(0.5 + 2.2 * (self.streaks.value(samples) - self.fatness), 0.0, 1.0)
        share = np.maximum(share, np.clip(1.0 + (skin + self.fat_mm) * 0.7, 0.0, 1.0))
        muscle = union(self.muscles, both, 1.0)
        share = share * np.clip(0.6 + muscle * 0.7, 0.0, 1.0)
        share = share * np.clip(-skin * 0.8 - 0.6, 0.0, 1.0)
        hu = MUSCLE_HU + 8.0 * mottle
        return np.asarray(hu + share * (FAT_HU - hu))


def draw_soft(rng: np.random.Generator, size: HeadSize) -> SoftTissue:
    """Draw the soft parts of a head of this size."""
    plump = rng.uniform(-3.0, 6.0)
    open_mouth = rng.uniform(0.5, 5.0)
    turn = (0.86, 0.5, 0.0, -0.5, 0.86, 0.0, 0.0, 0.0, 1.0)
    return SoftTissue(
        scalp_mm=float(rng.uniform(4.5, 8.0)),
        outline=_outline(size, plump),
        chin=_chin(size, plump),
        pinna=(ellipsoid((size.half_width_mm + 25, 24.0, 2.0), (2.5, 15.0, 29.0), turn),),
        muscles=_muscles(size),
        airway=_airway(size, open_mouth),
        ventricles=_ventricles(size),
        fat_mm=float(rng.uniform(3.0, 8.0)),
        fatness=float(rng.uniform(0.1, 1.3)),
        streaks=Waves.draw(rng, 6, float(rng.uniform(14.0, 26.0))),
        mottle=Waves.draw(rng, 4, 9.0),
    )


def _outline(size: HeadSize, plump: float) -> tuple[Sweep, ...]:
    """Head, neck, cheeks, nose and shoulders."""
    at, w, d, c = size.at, size.wide, size.deep, size.half_width_mm
    return (
        Sweep(at(0, -42, 0), at(0, -48, -52), (c + 14, 52 * d, 34), (c + 2 + plump, 44 * d, 34)),
        Sweep(
            at(0, 16, -18),
            at(0, 34, -200),
            (58 * w + plump, 62 * d, 40),
            (60 + plump, 58 + plump, 40),
        ),
        Sweep((c - 4, -4, -2), (c - 8, -10, -50), (26 + plump / 2, 32, 28), (20 + plump, 32, 24)),
        rod(at(0, -96, -2), at(0, -110, -26), 7.0, 9.0),
        ellipsoid(at(0, -46, 18), (c + 4, 45 * d, 30)),
        Sweep((0.0, 46, -215), (150.0, 50, -235), (60, 55, 40), (60, 50, 40)),
    )


def _chin(size: HeadSize, plump: float) -> tuple[Sweep, ...]:
    at, c = size.at, size.half_width_mm
    return (
        ellipsoid(at(0, -84, -76), (22, 14, 16)),
        Sweep(at(0, -48, -54), at(0, -70, -72), (c - 2 + plump, 32, 22), (30, 20, 22)),
    )


def _muscles(size: HeadSize) -> tuple[Sweep, ...]:
    """Masseter, temporal, both pterygoids, sternocleidomastoid, neck and tongue."""
    c, t = size.half_width_mm, size.tall
    return (
        Sweep((c + 7, -24, -16), (c - 1, -16, -54 * t), (5.5, 14, 9), (6.5, 15, 9)),
        Sweep((c - 2, -30, 34), (c - 3, -30, -12), (5, 26, 16), (5, 11, 8)),
        Sweep((c - 9, -3, -5), (20.0, -32, -12), (5, 5, 5), (4, 8, 10)),
        Sweep((18.0, -30, -24), (c - 9, -14, -54 * t), (5, 8, 8), (4, 10, 8)),
        Sweep((c + 2, 26, -26), (34.0, -4, -130), (7, 13, 8), (8, 14, 8)),
        Sweep((18.0, 46, -40), (20.0, 66, -160), (17, 14, 10), (20, 15, 10)),
        Sweep((0.0, -58, -62), (0.0, -44, -64), (20, 16, 15), (20, 20, 15)),
    )


def _airway(size: HeadSize, open_mouth: float) -> tuple[Sweep, ...]:
    """Pharynx, larynx, trachea, mouth and nostril."""
    at = size.at
    return (
        Sweep(at(0, -22, -22), at(0, -8, -48), (13, 6, 8), (9, 5, 8)),
        Sweep(at(0, -8, -48), at(0, 2, -110), (9, 5, 8), (8, 7, 8)),
        Sweep(at(0, 2, -110), at(0, 12, -250), (8, 8, 9), (8, 8, 9)),
        Sweep(at(0, -80, -46), at(0, -30, -44), (14, 9, open_mouth), (12, 9, open_mouth)),
        Sweep(at(6, -104, -28), at(8, -86, -24), (3.5, 6, 3.5), (4, 6, 7)),
    )


def _ventricles(size: HeadSize) -> tuple[Sweep, ...]:
    at = size.at
    return (
        Sweep(at(8, -22, 52), at(14, 34, 50), (4, 8, 6), (6, 10, 6)),
        Sweep(at(14, 34, 50), at(30, 12, 26), (6, 8, 6), (3, 8, 3)),
        ellipsoid(at(0, 4, 38), (2.5, 10, 8)),
        ellipsoid(at(0, 34, 2), (6, 6, 8)),
    )
