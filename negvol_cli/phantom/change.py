"""What happens to a condyle after its fossa was formed: it is moved, and it wears.

The cranium stays as it is. All of it is in side coordinates: x lateral, y posterior, z superior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.shapes import Array, Samples, smooth_max, turn_about
from negvol_cli.structures import Side

if TYPE_CHECKING:
    from negvol_cli.phantom.head import PhantomHead
    from negvol_cli.phantom.joint_shape import JointShape

EDGE_MM = 1.0
"""The edge of a worn facet is rounded over so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CondyleChange:
    """A condyle turned about x, then y, then z through its head's centre, shifted, and worn.

    ``worn_mm`` is taken off the top of the head, down to a level plane.
    """

    turn_degrees: Vector = (0.0, 0.0, 0.0)
    shift_mm: Vector = (0.0, 0.0, 0.0)
    worn_mm: float = 0.0

    @property
    def turn(self) -> npt.NDArray[np.float64]:
        """The rotation (3, 3)."""
        ax, ay, az = self.turn_degrees
        return turn_about(2, az) @ turn_about(1, ay) @ turn_about(0, ax)

    def undone(self, samples: Samples, centre_mm: Vector) -> Samples:
        """The places in the unmoved mandible of what now lies at the samples."""
        cx, cy, cz = centre_mm
        (sx, sy, sz), turn = self.shift_mm, self.turn
        x, y, z = samples.x - (cx + sx), samples.y - (cy + sy), samples.z - (cz + sz)
        back = [
            float(turn[0, i]) * x + float(turn[1, i]) * y + float(turn[2, i]) * z for i in range(3)
        ]
        return Samples.of(back[0] + cx, back[1] + cy, back[2] + cz)

    def facet(self, condyle: Array, samples: Samples, top_mm: float) -> Array:
        """Signed distance to the condyle without what was worn off below ``top_mm``, its level."""
        if self.worn_mm == 0.0:
            return condyle
        return smooth_max(condyle, samples.z - (top_mm - self.worn_mm), EDGE_MM)


def changed(head: PhantomHead, side: Side, change: CondyleChange) -> PhantomHead:
    """The head with one condyle changed, and all else as it was."""
    joint = replace(head.joint(side), change=change)
    return replace(head, right=joint) if side is Side.RIGHT else replace(head, left=joint)


def top_of(joint: JointShape) -> float:
    """The level (z) of the top of the condylar head before any change."""
    line = np.arange(-12.0, 12.01, 0.5)
    x, y, z = np.meshgrid(line, line, np.arange(0.0, 12.0, 0.05), indexing="ij")
    cx, cy, cz = joint.centre_mm
    samples = Samples.of((x + cx).ravel(), (y + cy).ravel(), (z + cz).ravel())
    return float(samples.z[joint.head_distance(samples) < 0].max())
