"""How far the mouth is open: the mandible moved as one body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.shapes import Samples, turn_about


@dataclass(frozen=True, slots=True)
class Bite:
    """The mandible turned by ``degrees`` about the condyles, then slid; head coordinates, mm."""

    degrees: float = 0.0
    forward_mm: float = 0.0
    down_mm: float = 0.0

    def opened(self, closed_mm: Vector) -> Vector:
        """Where a point of the closed mandible has gone."""
        x, y, z = turn_about(0, self.degrees) @ np.array(closed_mm)
        return (float(x), float(y) - self.forward_mm, float(z) - self.down_mm)

    def closed(self, samples: Samples) -> Samples:
        """The places in the closed mandible of what now lies at the samples."""
        if self == Bite():
            return samples
        c, s = np.cos(np.radians(self.degrees)), np.sin(np.radians(self.degrees))
        y, z = samples.y + self.forward_mm, samples.z + self.down_mm
        return Samples.of(samples.x, y * float(c) + z * float(s), z * float(c) - y * float(s))
