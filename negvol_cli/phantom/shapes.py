"""Solids as signed distances: swept ellipsoids, smoothly joined, skipped where they are far.

A distance is negative inside, in mm, and near enough to the true one close to the surface
(gradient about 1) to blend a voxel's edge by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector

Array = npt.NDArray[np.floating[Any]]

FAR_MM: Final = 60.0  # farther than any reach or seam
REACH_MM: Final = 5.0  # beyond it, and a seam, a part changes no surface


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points as three arrays of one shape, with the box (low, high) that holds them, in mm."""

    x: Array
    y: Array
    z: Array
    low: Vector
    high: Vector

    @classmethod
    def of(cls, x: Array, y: Array, z: Array) -> Samples:
        """Samples in their own bounding box; the arrays must not be empty."""
        low = (float(x.min()), float(y.min()), float(z.min()))
        return cls(x, y, z, low, (float(x.max()), float(y.max()), float(z.max())))

    def mirrored(self) -> Samples:
        """The same points with x turned round."""
        (x0, y0, z0), (x1, y1, z1) = self.low, self.high
        return Samples(-self.x, self.y, self.z, (-x1, y0, z0), (-x0, y1, z1))

    def folded(self) -> Samples:
        """The points of both sides laid on the left one."""
        (x0, y0, z0), (x1, y1, z1) = self.low, self.high
        low = 0.0 if x0 < 0 < x1 else min(abs(x0), abs(x1))
        return Samples(
            np.abs(self.x), self.y, self.z, (low, y0, z0), (max(abs(x0), abs(x1)), y1, z1)
        )

    def far(self) -> Array:
        """A distance that is outside everywhere."""
        return np.full_like(self.x, FAR_MM)


@dataclass(frozen=True)
class Sweep:
    """An ellipsoid moved from ``a`` to ``b`` while its radii change; a == b gives an ellipsoid.

    ``turn`` (3x3, row by row, columns are the ellipsoid's own axes) tilts it.
    """

    a: Vector
    b: Vector
    radii_a: Vector
    radii_b: Vector
    turn: tuple[float, ...] | None = None

    @cached_property
    def bounds(self) -> tuple[Vector, Vector]:
        """A box that holds the solid."""
        if self.turn is None:
            reach_a, reach_b = np.array(self.radii_a), np.array(self.radii_b)
        else:
            turn = np.array(self.turn).reshape(3, 3)
            reach_a, reach_b = (
                np.sqrt((turn**2) @ np.square(r)) for r in (self.radii_a, self.radii_b)
            )
        ends = np.array([self.a - reach_a, self.a + reach_a, self.b - reach_b, self.b + reach_b])
        low, high = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def near(self, samples: Samples, reach_mm: float) -> bool:
        """Whether the solid may come within ``reach_mm`` of the samples."""
        low, high = self.bounds
        return all(
            low[i] - reach_mm <= samples.high[i] and high[i] + reach_mm >= samples.low[i]
            for i in range(3)
        )

    def distance(self, samples: Samples) -> Array:
        """Signed distance in mm at the samples.

        With k0 = |v/r| and k1 = |v/r²| it is k0 (k0 - 1) / k1, exact to first order at the
        surface (I. Quilez, "Ellipsoid - distance", 2008).
        """
        dx, dy, dz = samples.x - self.a[0], samples.y - self.a[1], samples.z - self.a[2]
        e = np.subtract(self.b, self.a)
        if self.turn is not None:
            t = self.turn
            dx, dy, dz = (dx * t[i] + dy * t[i + 3] + dz * t[i + 6] for i in range(3))
            e = e @ np.array(t).reshape(3, 3)
        ra, rb = np.array(self.radii_a), np.array(self.radii_b)
        ex, ey, ez = (float(n) for n in e)
        if not e.any():
            return _ellipsoid((dx, dy, dz), [1.0 / float(r) for r in ra])
        w = e / ((ra + rb) / 2) ** 2
        w = w / (w @ e)
        s = np.clip(dx * float(w[0]) + dy * float(w[1]) + dz * float(w[2]), 0.0, 1.0)
        dx, dy, dz = dx - s * ex, dy - s * ey, dz - s * ez
        if np.array_equal(ra, rb):
            return _ellipsoid((dx, dy, dz), [1.0 / float(r) for r in ra])
        rates = (rb - ra).tolist()
        factors = [1.0 / (s * rates[i] + float(ra[i])) for i in range(3)]
        return _ellipsoid((dx, dy, dz), factors)


def _ellipsoid(offset: tuple[Array, Array, Array], factors: Sequence[Any]) -> Array:
    """Distance from an ellipsoid; ``factors`` are 1 over its radii, ``offset`` from its centre."""
    (dx, dy, dz), (fx, fy, fz) = offset, factors
    qx, qy, qz = dx * fx, dy * fy, dz * fz
    k0 = np.sqrt(qx * qx + qy * qy + qz * qz)
    qx, qy, qz = qx * fx, qy * fy, qz * fz
    k1 = np.sqrt(qx * qx + qy * qy + qz * qz)
    return np.asarray((k0 * k0 - k0) / (k1 + 1e-6))


def ellipsoid(centre: Vector, radii: Vector, turn: tuple[float, ...] | None = None) -> Sweep:
    """An ellipsoid at rest."""
    return Sweep(centre, centre, radii, radii, turn)


def rod(a: Vector, b: Vector, radius_a: float, radius_b: float | None = None) -> Sweep:
    """A round rod from ``a`` to ``b``."""
    end = radius_a if radius_b is None else radius_b
    return Sweep(a, b, (radius_a,) * 3, (end,) * 3)


def smooth_min(a: Array, b: Array, width_mm: float) -> Array:
    """The union of two solids, their seam rounded over ``width_mm``."""
    h = np.maximum(width_mm - np.abs(a - b), 0.0)
    return np.asarray(np.minimum(a, b) - h * h * (0.25 / width_mm))


def smooth_max(a: Array, b: Array, width_mm: float | Array) -> Array:
    """What two solids share, the edge rounded over ``width_mm``."""
    h = np.maximum(width_mm - np.abs(a - b), 0.0)
    return np.asarray(np.maximum(a, b) + h * h * (0.25 / width_mm))


def union(
    parts: Sequence[Sweep], samples: Samples, width_mm: float, start: Array | None = None
) -> Array:
    """The smooth union of those ``parts`` that are near, and of ``start``."""
    total = start
    for part in parts:
        if part.near(samples, REACH_MM + width_mm):
            distance = part.distance(samples)
            total = distance if total is None else smooth_min(total, distance, width_mm)
    return samples.far() if total is None else total


def coverage(distance: Array, width_mm: float) -> Array:
    """How much of a voxel of ``width_mm`` a solid fills, from 0 to 1, by its signed distance."""
    return np.asarray(np.clip(0.5 - distance * (1.0 / width_mm), 0.0, 1.0))


def turn_about(axis: int, degrees: float) -> npt.NDArray[np.float64]:
    """(3, 3): the rotation about x, y or z (0, 1, 2), right-handed."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    turn[i, i], turn[j, j], turn[i, j], turn[j, i] = c, c, -s, s
    return turn


@dataclass(frozen=True, slots=True)
class Waves:
    """A smooth random field: a sum of sine waves, about -1 to 1."""

    vectors: tuple[Vector, ...]
    phases: tuple[float, ...]

    @classmethod
    def draw(cls, rng: np.random.Generator, count: int, length_mm: float) -> Waves:
        """``count`` waves of about ``length_mm`` in random directions."""
        way = rng.normal(size=(count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        way *= 2 * np.pi / (length_mm * rng.uniform(0.75, 1.35, (count, 1)))
        vectors = tuple((float(a), float(b), float(c)) for a, b, c in way)
        return cls(vectors, tuple(rng.uniform(0, 2 * np.pi, count).tolist()))

    def value(self, samples: Samples) -> Array:
        """The field at the samples."""
        total: Array | float = 0.0
        for (kx, ky, kz), phase in zip(self.vectors, self.phases, strict=True):
            total = total + np.sin(samples.x * kx + samples.y * ky + (samples.z * kz + phase))
        return np.asarray(total * (1.0 / len(self.phases) ** 0.5))
