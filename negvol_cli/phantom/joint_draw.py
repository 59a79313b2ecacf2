"""Draws one jaw joint at random, within what anatomy books give as usual sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.phantom.cells import Cells
from negvol_cli.phantom.joint_shape import Fossa, JointShape
from negvol_cli.phantom.shapes import Sweep, ellipsoid, rod, turn_about


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSize:
    """What both sides share (mm): half the distance of the condyles, and scales of 1 or so.

    ``wide`` scales side to side, ``deep`` front to back, ``tall`` up and down.
    """

    half_width_mm: float
    wide: float
    deep: float
    tall: float

    def at(self, x: float, y: float, z: float) -> Vector:
        """Return the place, mm, of a point of the average head in a head of this size."""
        return (x * self.wide, y * self.deep, z * self.tall)


def draw_joint(
    rng: np.random.Generator,
    size: HeadSize,
    space_mm: float | None,
    present: bool,
    roof_mm: float | None = None,
) -> JointShape:
    """A joint of its own sizes; ``space_mm`` overrides the joint space above the condyle.

    ``roof_mm`` overrides the thickness of the bone above. What is drawn does not depend on these
    or on ``present``: they change only themselves.
    """
    u = rng.uniform
    centre = (size.half_width_mm, 0.0, 0.0)
    half = half_width, half_depth, _ = u(8.2, 11.2), u(3.7, 5.6), u(3.8, 5.6)
    head, crown = _head(rng, centre, half, _turn(rng))
    fossa, room = _fossa(rng, half_depth, crown[1], space_mm, roof_mm)
    bones = _near_fossa(rng, centre, half_width, room)
    ear = _Ear.draw(rng, centre, room.back, room.top)
    bones += ear.bones(rng)
    ramus = _ramus(rng, centre, half_width, half_depth, size.tall)
    return JointShape(
        centre_mm=centre,
        head=head,
        crown=crown,
        ramus=ramus if present else (),
        fossa=fossa,
        bones=bones,
        canal=ear.canal(),
        cells=ear.cells(rng),
        cochlea=ellipsoid((centre[0] - 22, ear.y - 2, ear.z + 5), (5, 5, 4)),
    )


@dataclass(frozen=True, slots=True)
class _Room:
    """The fossa's room, mm: height of its roof, depth, its walls' way from the condyle's centre."""

    top: float
    depth: float
    front: float
    back: float


def _turn(rng: np.random.Generator) -> np.ndarray:
    """How the condylar head is turned: about the long axis of the body, then tilted."""
    u = rng.uniform
    about_z, about_y = turn_about(2, float(u(8.0, 28.0))), turn_about(1, float(u(-9.0, 9.0)))
    return np.asarray((about_z @ about_y) @ turn_about(0, float(u(-15.0, 15.0))))


def _fossa(
    rng: np.random.Generator,
    half_depth: float,
    crown_mm: float,
    space_mm: float | None,
    roof_mm: float | None,
) -> tuple[Fossa, _Room]:
    """The fossa above a crown at this height; what is given replaces what is drawn."""
    u = rng.uniform
    drawn = float(np.exp(u(np.log(1.2), np.log(4.0))))
    space = drawn if space_mm is None else float(space_mm)
    drawn = float(u(0.6, 2.5))
    behind, before = u(0.1, 1.0), u(-0.2, 0.4)
    top, depth = crown_mm + space, u(5.0, 9.0)
    fossa = Fossa(
        space_mm=space,
        tilt=(float(u(-0.2, 0.3)), float((behind - before) / 2)),
        spread=(float(u(0.0, 0.7)), float((behind + before) / 2)),
        widest_mm=max(5.5, 1.3 * space),
        roof_mm=drawn if roof_mm is None else roof_mm,
        rim_mm=float(top - depth * u(0.5, 0.8)),
    )
    front, back = half_depth + space * (1 + before), half_depth + space * (1 + behind)
    return fossa, _Room(top, depth, front, back)


def _head(
    rng: np.random.Generator, c: Vector, half: Vector, turn: np.ndarray
) -> tuple[Sweep, tuple[Vector, float]]:
    """The condylar head, its poles unlike, and the plane that flattens it from above."""
    long, deep, high = half
    ends = rng.uniform(0.72, 1.1, (2, 2))
    reach = rng.uniform(0.3, 0.7) * long
    way = turn @ np.array([reach, 0.0, rng.uniform(-0.1, 0.1) * reach])
    radii = [vector((long - reach, deep * e[0], high * e[1])) for e in ends]
    medial, lateral = np.array(c) - way, np.array(c) + way
    head = Sweep(vector(medial), vector(lateral), radii[0], radii[1], tuple(turn.ravel().tolist()))
    normal = np.array([rng.uniform(-0.25, 0.25), rng.uniform(-0.3, 0.3), 1.0])
    normal /= np.linalg.norm(normal)
    return head, (vector(normal), float(high * rng.uniform(0.8, 1.0)))


def _ramus(
    rng: np.random.Generator, c: Vector, half_width: float, half_depth: float, tall: float
) -> tuple[Sweep, ...]:
    """Neck, posterior border, plate and coronoid process, from the head down to the angle."""
    u = rng.uniform
    inward = u(2.0, 5.0)
    lean = u(-4.0, 3.0)
    foot = (c[0] - inward, c[1] + 2.0 + lean, c[2] - 20.0)
    thin = u(2.6, 3.8)
    angle = (c[0] - inward - u(-1, 3), foot[1] + u(-6, 0), c[2] - u(46, 56) * tall)
    front = foot[1] - u(24, 29)
    notch = c[2] - u(21, 26)
    tip = (c[0] - inward - u(-1, 2), front + u(-2, 3), c[2] - u(-1.0, 12.0))
    return (
        Sweep(
            (c[0] - 0.6, c[1] + 0.6, c[2] - 2.0),
            foot,
            (0.52 * half_width, 0.78 * half_depth, 4.0),
            (thin + 0.8, u(4.2, 6.0), 4.0),
        ),
        Sweep(foot, angle, (thin + 0.6, 5.5, 5.0), (thin + 0.6, 8.0, 7.0)),
        Sweep(
            (foot[0] - 0.5, (foot[1] + front) / 2, notch - 12.0),
            (angle[0], (angle[1] + front) / 2, angle[2] + 4.0),
            (thin, 15.5, 10.0),
            (thin + 0.5, 15.5, 10.0),
        ),
        Sweep(
            (foot[0] - 1.0, front + 4.0, notch - 8.0),
            vector(tip),
            (thin, 9.0, 6.0),
            (1.4, 3.0, 3.0),
        ),
    )


def _near_fossa(
    rng: np.random.Generator, c: Vector, half_width: float, room: _Room
) -> tuple[Sweep, ...]:
    """Eminence, root and arch of the zygoma, medial and posterior borders of the fossa."""
    u = rng.uniform
    thick = (room.depth + u(1.5, 3.5)) / 2
    slope = u(5.0, 9.5)
    ridge = (c[1] - room.front - slope * u(0.5, 0.8), room.top - room.depth + thick)
    lateral = c[0] + half_width + u(0.0, 2.5)
    arch_x, low = c[0] + u(12.0, 16.0), ridge[1] - thick
    eminence = Sweep(
        (c[0] - half_width - 1, ridge[0] + u(-1, 4), ridge[1] + u(0, 2)),
        (lateral, ridge[0] + u(-2, 2), ridge[1]),
        (4.0, slope, thick),
        (3.5, slope * 0.9, thick),
    )
    # from the tubercle forward along the arch to the cheek bone
    root = rod((lateral, ridge[0], low + 3.5), (arch_x, ridge[0] - 14, low + 2.0), 3.5, 2.6)
    arch = Sweep(
        (arch_x, ridge[0] - 14, low + 2.0),
        (c[0] + 4.0, -58.0, low - 1.0),
        (2.0, 3.0, 4.0),
        (3.0, 4.0, 6.0),
    )
    # lateral rim, and the crest that runs back above the ear canal
    rim = Sweep(
        (lateral, ridge[0], room.top - 0.5),
        (lateral + 1, room.back + 16.0, room.top + 2.5),
        (u(2.0, 3.5), 3.0, u(2.5, 4.5)),
        (2.5, 3.0, 3.0),
    )
    return (eminence, root, arch, rim, *_borders(rng, c, half_width, room))


def _borders(
    rng: np.random.Generator, c: Vector, half_width: float, room: _Room
) -> tuple[Sweep, Sweep]:
    """The borders behind the condyle, and to medial of it."""
    u, top, back = rng.uniform, room.top, room.back
    return (
        Sweep(
            (c[0] - 1, c[1] + back + 2.5, top + 1.0),
            (c[0] + 5, c[1] + back + 2.0, top - u(3.0, 7.5)),
            (6.0, 2.5, 3.0),
            (4.0, 1.6, 2.5),
        ),
        Sweep(
            (c[0] - half_width - 3.5, c[1] + 1, top + 1.0),
            (c[0] - half_width - 4.5, c[1] + 2, top - u(3.0, 7.0)),
            (3.0, 6.0, 3.0),
            (2.0, 4.0, 2.5),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Ear:
    """The ear canal at the joint: its height and place behind the condyle, radii in mm."""

    centre_x: float
    y: float
    z: float
    radius: float
    wall: float

    @classmethod
    def draw(cls, rng: np.random.Generator, c: Vector, back: float, top: float) -> _Ear:
        radius, wall = rng.uniform(2.8, 4.5), rng.uniform(1.3, 2.6)
        return cls(
            c[0], float(back + wall + radius), float(top - rng.uniform(3.0, 8.0)), radius, wall
        )

    def canal(self) -> tuple[Sweep, ...]:
        """Air from the skin to the middle ear."""
        x, y, z, r = self.centre_x, self.y, self.z, self.radius
        return (
            Sweep(
                (x - 10, y - 1, z), (x + 12, y, z), (r, r * 0.9, r * 1.15), (r, r * 0.9, r * 1.15)
            ),
            rod((x + 12, y, z), (x + 32, y + 4, z - 2), r, r * 1.1),
            Sweep((x - 15, y - 1, z - 3), (x - 15, y, z + 6), (2.0, 4.0, 3.0), (2.5, 5.0, 3.0)),
        )

    def bones(self, rng: np.random.Generator) -> tuple[Sweep, ...]:
        """Tympanic plate, mastoid, petrous pyramid and styloid process."""
        x, y, z = self.centre_x, self.y, self.z
        reach = self.radius + self.wall
        u = rng.uniform
        return (
            Sweep(
                (x - 11, y - 1, z),
                (x + 7, y, z),
                (2, reach, reach * 1.15),
                (2, reach, reach * 1.15),
            ),
            Sweep(
                (x - 12, y - 2, z - 4),
                (x - 10, y - reach * 0.2, z - u(11, 17)),
                (8.0, 3.0, 4.0),
                (6.0, 1.3, 3.0),
            ),
            Sweep(
                (x - 2, y + 16, z + 6),
                (x + 1, y + 13, z - u(17, 24)),
                (12.0, 15.0, 10.0),
                (6.5, 8.0, 6.0),
            ),
            Sweep((x - 6, y + 6, z + 5), (14.0, -6.0, 3.0), (9, 10.0, 10.0), (6.0, 7.0, 6.0)),
            rod((x - 9, y + 1, z - 10), (x - 14, y - u(4, 10), z - u(24, 42)), 2.4, 1.2),
        )

    def cells(self, rng: np.random.Generator) -> Cells:
        """Mastoid cells behind the canal and some above it, towards the fossa."""
        x, y, z = self.centre_x, self.y, self.z
        u = rng.uniform
        reach = self.radius + self.wall
        rooms = [
            Sweep(
                (x - 2, y + 16, z + 6), (x + 1, y + 14, z - u(10, 19)), (10, 12.5, 8), (4.5, 6, 4)
            ),
            ellipsoid((x - 3, y + 2, z + reach + 3.5), (u(5, 11), u(4, 9), 2.3)),
            ellipsoid((x - 14, y + 6, z + 7), (6.0, 6.0, 4.0)),
        ]
        if rng.random() < 0.35:  # a mastoid with little air
            rooms = [ellipsoid((x - 2, y + 10, z + 4), (5.0, 6.0, 5.0))]
        return Cells.draw(rng, tuple(rooms), float(u(2.4, 5.0)), float(u(0.5, 1.2)))
