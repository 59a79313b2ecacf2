"""Air cells of the mastoid: a honeycomb of thin walls inside a few solids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.shapes import REACH_MM, Array, Samples, Sweep


@dataclass(frozen=True, slots=True)
class Cells:
    """Air inside ``rooms``, parted by walls of ``wall_mm`` midway between the ``seeds``.

    A point belongs to the cell of the seed with the least |p - c|² - r² (a power diagram), so
    that cells of large r are large.
    """

    rooms: tuple[Sweep, ...]
    seeds: tuple[Vector, ...]
    radii_mm: tuple[float, ...]
    wall_mm: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, rooms: tuple[Sweep, ...], cell_mm: float, wall_mm: float
    ) -> Cells:
        """Cells about ``cell_mm`` apart in ``rooms``: a jittered lattice with some left out."""
        low = np.min([room.bounds[0] for room in rooms], axis=0)
        high = np.max([room.bounds[1] for room in rooms], axis=0)
        axes = [np.arange(a, b + cell_mm, cell_mm) for a, b in zip(low, high, strict=True)]
        seeds = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        seeds = seeds[rng.random(len(seeds)) < 0.75] + rng.normal(0, 0.33 * cell_mm, 3)
        seeds = seeds + rng.normal(0, 0.3 * cell_mm, seeds.shape)
        radii = cell_mm * rng.uniform(0.2, 1.2, len(seeds))
        return cls(
            rooms,
            tuple((float(a), float(b), float(c)) for a, b, c in seeds),
            tuple(radii.tolist()),
            wall_mm,
        )

    def distance(self, samples: Samples) -> Array:
        """Signed distance, about, to the air of the cells."""
        rooms = [room for room in self.rooms if room.near(samples, REACH_MM)]
        if not rooms:
            return samples.far()
        inside = rooms[0].distance(samples)
        for room in rooms[1:]:
            inside = np.minimum(inside, room.distance(samples))
        near = inside < 1.5
        if not near.any():
            return inside
        seeds, radii = self._about(samples)
        x, y, z = samples.x[near], samples.y[near], samples.z[near]
        first = np.full_like(x, 1e6)
        second = first.copy()
        for (cx, cy, cz), radius in zip(seeds.tolist(), radii.tolist(), strict=True):
            dx, dy, dz = x - cx, y - cy, z - cz
            power = dx * dx + dy * dy + (dz * dz - radius * radius)
            second = np.minimum(second, np.maximum(first, power))
            first = np.minimum(first, power)
        spread = np.sqrt(np.maximum(second + first, 1.0)) + 2.5
        wall = self.wall_mm / 2 - (second - first) / (2.0 * spread)
        inside[near] = np.maximum(inside[near], wall)
        return inside

    def _about(self, samples: Samples) -> tuple[Array, Array]:
        """Those seeds that can matter for the samples, (N, 3), and their radii (N,)."""
        seeds, radii = np.array(self.seeds), np.array(self.radii_mm)
        margin = 2.0 * radii.max() + 6.0
        low, high = np.array(samples.low) - margin, np.array(samples.high) + margin
        keep = ((seeds > low) & (seeds < high)).all(axis=1)
        return (seeds[keep], radii[keep]) if keep.sum() >= 2 else (seeds, radii)
