"""The skull but for the joints: brain case, skull base in the midline, face, and air in them.

Head coordinates: mm, x left, y posterior, z superior, zero midway between the condyles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.phantom.joint_draw import HeadSize
from negvol_cli.phantom.joint_shape import JointShape
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

BRAIN_SEAM_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cranium:
    """The brain's hollow, the bones that are not a joint's, and the face's hollows.

    ``lobes`` are the temporal lobes of the right and left in side coordinates; ``paired`` and
    ``hollows`` stand for both sides. ``cover_mm`` is the thickness of the vault, ``temple_mm``
    that at the temple.
    """

    brain: tuple[Sweep, ...]
    lobes: tuple[Sweep, Sweep]
    cover_mm: float
    temple_mm: float
    midline: tuple[Sweep, ...]
    paired: tuple[Sweep, ...]
    walls: tuple[Sweep, ...]
    hollows: tuple[Sweep, ...]
    middle_hollows: tuple[Sweep, ...]
    orbits: Sweep
    eye: Sweep
    thickness: Waves
    open_before_mm: float

    def cavity(self, samples: Samples) -> Array:
        """Signed distance to the brain's hollow."""
        flipped = samples.mirrored()
        total = union(self.brain, samples, BRAIN_SEAM_MM)
        for lobe, side in zip(self.lobes, (flipped, samples), strict=True):
            if lobe.near(side, 14.0 + BRAIN_SEAM_MM):
                total = smooth_min(total, lobe.distance(side), BRAIN_SEAM_MM)
        return total

    def cover(self, samples: Samples) -> Array:
        """The thickness of the brain case in mm, thin at the temples."""
        a = (np.abs(samples.x) - 66.0) * (1 / 22.0)
        b, c = (samples.y + 12.0) * (1 / 34.0), (samples.z - 22.0) * (1 / 24.0)
        near = 1.0 / (1.0 + (a * a + b * b + c * c) ** 2)
        wavy = 1.0 + 0.12 * self.thickness.value(samples)
        base = np.clip((samples.z + 46.0) * (1 / 36.0), 0.0, 1.0)
        cover = self.cover_mm - (self.cover_mm - self.temple_mm) * near
        return np.asarray(cover * wavy * base)

    def shell(self, samples: Samples, cavity: Array) -> Array:
        """Signed distance to the brain case, the midline bones and the face, without joints."""
        bone = np.maximum(cavity - self.cover(samples), -cavity)
        bone = union(self.midline, samples, 4.0, bone)
        both = samples.folded()
        bone = union(self.paired, both, 2.0, bone)
        for wall in self.walls:
            if wall.near(both, 4.0):
                thin = np.abs(wall.distance(both)) - 0.9
                bone = np.minimum(bone, np.maximum(thin, self.open_before_mm - samples.y))
        return bone

    def air(self, samples: Samples) -> Array:
        """Signed distance to the air of nose and sinuses."""
        total = union(self.middle_hollows, samples, 2.0)
        return union(self.hollows, samples.folded(), 2.0, total)


def draw_cranium(
    rng: np.random.Generator, size: HeadSize, right: JointShape, left: JointShape
) -> Cranium:
    """Draw a skull about two given joints."""
    u, at = rng.uniform, size.at
    lobes = (_lobe(rng, size, right), _lobe(rng, size, left))
    brain = (
        ellipsoid(at(0, 10, 53), at(66, 82 + u(-4, 4), 55)),
        ellipsoid(at(0, 44, -2), at(48, 36, 27)),
        Sweep(at(0, 24, -10), at(0, 28, -46), (16, 17, 8), (12, 11, 8)),
    )
    sinus = u(0.6, 1.1)
    toe_out = tuple(_toe_out().ravel().tolist())
    return Cranium(
        hollows=_hollows(rng, size, sinus),
        brain=brain,
        lobes=lobes,
        cover_mm=float(u(4.5, 8.5)),
        temple_mm=float(u(2.2, 4.0)),
        midline=_midline(size),
        paired=_paired(size),
        walls=(
            ellipsoid(at(31, -56, 14), (19, 25, 17), toe_out),
            ellipsoid(at(27, -57, -19), (14 * sinus, 18 * sinus, 17 * sinus)),
        ),
        middle_hollows=(ellipsoid(at(u(-3, 3), -22, 7), (u(6, 11), u(7, 12), u(6, 9))),),
        orbits=ellipsoid(at(31, -56, 14), (18.5, 24.5, 16.5), toe_out),
        eye=ellipsoid(at(33, -66, 14), (12, 12, 12)),
        thickness=Waves.draw(rng, 4, 45.0),
        open_before_mm=-70.0 * size.deep,
    )


def _midline(size: HeadSize) -> tuple[Sweep, ...]:
    """Sphenoid body, clivus, nasal bones, palate and septum."""
    at = size.at
    return (
        Sweep(at(0, -34, 6), at(0, -6, 8), (15, 8, 9), (12, 8, 9)),
        Sweep(at(0, -8, 10), at(0, 10, -22), (10, 6, 6), (11, 5, 5)),
        rod(at(0, -86, 8), at(0, -97, -8), 4.0, 2.0),
        ellipsoid(at(0, -62, -38.0), (21, 27, 1.6)),
        Sweep(at(0, -60, -6), at(0, -62, -34), (0.7, 24, 4), (0.7, 22, 4)),
    )


def _paired(size: HeadSize) -> tuple[Sweep, ...]:
    """The bones of skull base and face that both sides have."""
    at = size.at
    return (
        Sweep(at(18, -32, 0), at(17, -29, -36), (2.0, 7, 4), (1.6, 6, 3)),
        Sweep(at(10, -32, 0), at(11, -28, -36), (1.6, 5, 4), (1.4, 5, 3)),
        ellipsoid(at(17, 17, -28), (6, 11, 6)),
        Sweep(at(30, -32, 4), at(46, -44, 26), (9, 3, 8), (5, 4, 8)),
        rod(at(46, -62, 24), at(52, -62, -4), 3.6, 4.2),
        rod(at(46, -64, -8), at(22, -82, -6), 5.5, 3.4),
        rod(at(50, -62, -6), at(36, -66, -28), 5.0, 4.0),
        rod(at(44, -66, 28), at(12, -82, 30), 4.0, 4.4),
        Sweep(at(27, -48, -42), at(21, -68, -42), (6, 6, 7), (6, 6, 7)),
        Sweep(at(21, -68, -42), at(2, -82, -40), (6, 6, 7), (5, 5, 8)),
        rod(at(12, -84, -4), at(10, -86, -28), 2.6, 4.0),
        Sweep(at(8, -70, -26), at(8, -42, -26), (2.5, 5, 4), (2.5, 5, 4)),
    )


def _hollows(rng: np.random.Generator, size: HeadSize, sinus: float) -> tuple[Sweep, ...]:
    """Maxillary sinus, nasal passages and frontal sinus of one side."""
    u, at = rng.uniform, size.at
    return (
        ellipsoid(at(27, -57, -19), (13 * sinus, 17 * sinus, 16 * sinus)),
        Sweep(at(8, -78, -20), at(7, -40, -18), (4.5, 9, 13), (6.5, 9, 14)),
        Sweep(at(7, -70, 10), at(7, -40, 10), (5, 6, 8), (5, 6, 7)),
        ellipsoid(at(9, -82, 34), (u(2, 14), 4.5, u(3, 12))),
    )


def _lobe(rng: np.random.Generator, size: HeadSize, joint: JointShape) -> Sweep:
    """The temporal lobe, which thins the fossa's roof to its ``roof_mm`` where it dips lowest."""
    top = joint.crown[1] + joint.fossa.space_mm + joint.fossa.roof_mm
    floor = top - rng.uniform(0.3, 2.2)
    high = rng.uniform(12.0, 18.0)
    x = joint.centre_mm[0]
    return Sweep(
        (x - 20 * size.wide, -17 * size.deep, floor + high),
        (x + rng.uniform(-5, 1), -14 * size.deep, floor + high),
        (12.0, 31.0, high),
        (rng.uniform(11, 14), 31.0, high),
    )


def _toe_out() -> np.ndarray:
    """Orbits point forward and a little outward."""
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
