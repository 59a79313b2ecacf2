"""How the phantom lies in the world, and how its shape is bent out of its plain solids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector, vector
from negvol_cli.phantom.shapes import Array, Samples, turn_about


@dataclass(frozen=True, slots=True)
class Bend:
    """A smooth displacement of a millimetre or so: three sine waves per coordinate."""

    vectors: tuple[Vector, ...]
    phases: tuple[float, ...]
    reach_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator, reach_mm: float) -> Bend:
        """Six waves of 35 to 80 mm, two for each coordinate."""
        way = rng.normal(size=(6, 3))
        way *= 2 * np.pi / rng.uniform(35, 80, (6, 1)) / np.linalg.norm(way, axis=1, keepdims=True)
        vectors = tuple((float(a), float(b), float(c)) for a, b, c in way)
        return cls(vectors, tuple(rng.uniform(0, 2 * np.pi, 6).tolist()), reach_mm)

    def apply(self, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
        """Coordinates of the plain solids at points of the bent head."""
        waves = [
            np.sin(x * kx + y * ky + (z * kz + phase))
            for (kx, ky, kz), phase in zip(self.vectors, self.phases, strict=True)
        ]
        half = self.reach_mm / 2
        return (
            x + half * (waves[0] + waves[1]),
            y + half * (waves[2] + waves[3]),
            z + half * (waves[4] + waves[5]),
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head lies and how large it is.

    Head coordinates times ``scale``, turned by ``turn`` (3x3, row by row) from head to LPS axes,
    moved to ``origin_mm``.
    """

    turn: tuple[float, ...]
    origin_mm: Vector
    bend: Bend
    scale: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Pose:
        """A head that lies nearly straight, somewhere in the scanner."""
        yaw, roll, nod = rng.normal(0, 3.0), rng.normal(0, 2.5), rng.normal(0, 6.0)
        turn = turn_about(2, yaw) @ turn_about(1, roll) @ turn_about(0, nod)
        x, y, z = (float(v) for v in rng.uniform(-60, 60, 3).round(1))
        return cls(
            tuple(turn.ravel().tolist()), (x, y, z), Bend.draw(rng, float(rng.uniform(0.4, 1.1)))
        )

    def samples(self, points_mm: Points, kind: type[np.floating[Any]] = np.float64) -> Samples:
        """The head coordinates of world points (..., 3), computed in float32 where asked."""
        turn = np.array(self.turn).reshape(3, 3)
        local = (points_mm - np.array(self.origin_mm)) @ turn
        if self.scale != 1.0:
            local = local / self.scale
        x, y, z = (np.ascontiguousarray(local[..., i], dtype=kind) for i in range(3))
        return Samples.of(*self.bend.apply(x, y, z))

    def to_world(self, plain_mm: Vector) -> Vector:
        """The world point, LPS mm, whose head coordinates are ``plain_mm``."""
        goal = np.array(plain_mm)
        guess = goal.copy()
        for _ in range(60):
            x, y, z = (np.array([v]) for v in guess)
            guess = guess + goal - np.concatenate(self.bend.apply(x, y, z))
        return vector(np.array(self.turn).reshape(3, 3) @ (guess * self.scale) + self.origin_mm)

    def moved(self, turn: npt.NDArray[np.float64], shift_mm: Vector) -> Pose:
        """The head turned by ``turn`` (3, 3) about its own origin, then shifted, in LPS."""
        turned = turn @ np.array(self.turn).reshape(3, 3)
        origin = vector(np.add(self.origin_mm, shift_mm))
        return replace(self, turn=tuple(turned.ravel().tolist()), origin_mm=origin)
