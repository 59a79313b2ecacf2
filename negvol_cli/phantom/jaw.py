"""The mandible's body, the teeth, and the spine, in head coordinates (x left, mm)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.joint_draw import HeadSize
from negvol_cli.phantom.joint_shape import JointShape
from negvol_cli.phantom.shapes import Sweep, ellipsoid, rod


@dataclass(frozen=True, slots=True)
class Tooth:
    """A tooth: crown and root, its greatest HU, and whether its crown is metal."""

    crown: Sweep
    root: Sweep
    metal: bool


@dataclass(frozen=True, slots=True)
class Jaw:
    """The body of the mandible, in side coordinates per side, and the teeth of both jaws."""

    right_body: tuple[Sweep, ...]
    left_body: tuple[Sweep, ...]
    upper_teeth: tuple[Tooth, ...]
    lower_teeth: tuple[Tooth, ...]


def draw_jaw(
    rng: np.random.Generator, size: HeadSize, right: JointShape, left: JointShape, teeth: bool
) -> Jaw:
    """Body and teeth that fit the rami; without teeth the body is lower."""
    u = rng.uniform
    bite = -52.0 * size.tall
    chin = (0.0, -82.0 * size.deep, -82.0 * size.tall + u(-4, 4))
    high = (13.5 if teeth else 9.0) * u(0.9, 1.1)
    bodies = tuple(_body(joint, size, chin, high) for joint in (right, left))
    drawn = [
        _arch(rng, size, tip=-84.0, back=-42.0, reach=27.0, bite=bite, way=1.0),
        _arch(rng, size, tip=-81.0, back=-40.0, reach=26.0, bite=bite - 1.5, way=-1.0),
    ]
    upper, lower = drawn if teeth else ((), ())
    return Jaw(bodies[0], bodies[1], tuple(upper), tuple(lower))


def _body(joint: JointShape, size: HeadSize, chin: Vector, high: float) -> tuple[Sweep, ...]:
    """From the angle to the chin; a side without a condyle keeps its body."""
    x = joint.centre_mm[0] - 4.0
    angle = (x - 1.0, -20.0, -46.0 * size.tall)
    molar = (29.0 * size.wide, -48.0 * size.deep, -66.0 * size.tall)
    canine = (17.0 * size.wide, -74.0 * size.deep, -73.0 * size.tall)
    return (
        Sweep(angle, molar, (3.6, 10, 10.0), (5.6, 7, high)),
        Sweep(molar, canine, (5.6, 6, high), (5.5, 5.5, high)),
        Sweep(canine, chin, (5.5, 5.5, high), (6.0, 6.0, high)),
    )


def _arch(
    rng: np.random.Generator,
    size: HeadSize,
    *,
    tip: float,
    back: float,
    reach: float,
    bite: float,
    way: float,
) -> list[Tooth]:
    """Fourteen teeth, some missing, along a parabola; ``way`` is the roots' direction in z."""
    teeth = []
    for place in np.linspace(-1.0, 1.0, 14):
        bend = abs(float(place))
        x = float(np.sign(place)) * reach * bend**0.75 * size.wide
        y = (tip + (back - tip) * bend**1.7) * size.deep
        wide = 2.6 + 2.2 * bend**1.5
        missing, metal = rng.random() < 0.08, rng.random() < 0.12
        if missing:
            continue
        crown = Sweep(
            (x, y, bite + way * 1.5), (x, y, bite + way * 5.0), (wide, wide, 2.0), (wide, wide, 3.0)
        )
        root = Sweep(
            (x, y, bite + way * 6.0),
            (x, y + 1.5, bite + way * float(rng.uniform(14, 19))),
            (wide * 0.75, wide * 0.75, 2.0),
            (1.2, 1.2, 1.5),
        )
        teeth.append(Tooth(crown, root, bool(metal)))
    return teeth


def draw_spine(rng: np.random.Generator, size: HeadSize) -> tuple[tuple[Sweep, ...], ...]:
    """Vertebrae from C1 down, each as solids in side coordinates (laid on one side)."""
    curve = rng.uniform(-6.0, 8.0)
    bones = []
    for level in range(9):
        z = (-40.0 - 18.0 * level) * size.tall
        y = 18.0 + 2.2 * level + curve * np.sin(level / 2.5)
        ring = 16.0 if level == 0 else 13.0
        parts = [
            ellipsoid((19.0 if level < 2 else 16.0, y + 6, z), (7, 8, 7)),
            rod((ring + 3, y + 10, z - 1), (4.0, y + 28, z - 4), 3.2),
        ]
        if level == 0:
            parts.append(rod((0.0, y - 8, z), (17.0, y + 2, z), 3.2))
        else:
            parts.append(Sweep((0.0, y, z - 3), (0.0, y, z + 3), (13, 9, 4.8), (13, 9, 4.8)))
            parts.append(rod((0.0, y + 28, z - 4), (0.0, y + 42 + 2 * level, z - 9), 3.0))
        if level == 1:
            parts.append(rod((0.0, y, z), (0.0, y - 2, z + 24 * size.tall), 6.0, 4.5))
        bones.append(tuple(parts))
    return tuple(bones)
