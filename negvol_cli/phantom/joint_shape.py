"""One jaw joint as solids, in side coordinates.

Side coordinates are head coordinates with x turned to lateral (mm; x lateral, y posterior,
z superior, zero midway between the two condyles), so that one description serves both sides.

The fossa is the condylar head of the closed mouth, grown by the joint space, pressed into the
bone around it: joint space and roof are what the numbers here say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.cells import Cells
from negvol_cli.phantom.shapes import Array, Samples, Sweep, smooth_max, smooth_min, union

NECK_SEAM_MM = 3.5
BONE_SEAM_MM = 3.0
RIM_MM = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fossa:
    """The space between condyle and temporal bone, and the bone that bounds it.

    ``space_mm`` is the joint space above the head; towards a unit vector n it is
    ``space_mm * (1 + tilt·n + spread·n²)``, at most ``widest_mm``. ``roof_mm`` is the least
    thickness of bone above, and ``rim_mm`` the height (z) down to which the cup of bone reaches.
    """

    space_mm: float
    tilt: tuple[float, float]
    spread: tuple[float, float]
    widest_mm: float
    roof_mm: float
    rim_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JointShape:
    """One joint: condyle, ramus and coronoid process; the bones about the fossa; air in them.

    ``centre_mm`` is the condylar head's centre with the mouth closed; ``crown`` a plane (unit
    normal, offset from the centre) that flattens the head. ``ramus`` is empty where the side of
    the mandible was taken out.
    """

    centre_mm: Vector
    head: Sweep
    crown: tuple[Vector, float]
    ramus: tuple[Sweep, ...]
    fossa: Fossa
    bones: tuple[Sweep, ...]
    canal: tuple[Sweep, ...]
    cells: Cells
    cochlea: Sweep

    @property
    def present(self) -> bool:
        """Whether this side has a condyle."""
        return bool(self.ramus)

    def head_distance(self, samples: Samples) -> Array:
        """Signed distance to the condylar head alone, in closed position."""
        normal, offset = self.crown
        c = self.centre_mm
        plane = (
            (samples.x - c[0]) * normal[0]
            + (samples.y - c[1]) * normal[1]
            + (samples.z - c[2]) * normal[2]
            - offset
        )
        return smooth_max(self.head.distance(samples), plane, 3.0)

    def condyle(self, samples: Samples) -> Array:
        """Signed distance to this side's condyle, ramus and coronoid process, mouth closed."""
        if not self.present:
            return samples.far()
        start = self.head_distance(samples) if self.head.near(samples, 9.0) else None
        return union(self.ramus, samples, NECK_SEAM_MM, start)

    def pocket(self, samples: Samples) -> Array:
        """Signed distance, about, to the head grown by the joint space: the fossa's hollow."""
        c, fossa = self.centre_mm, self.fossa
        dx, dy, dz = samples.x - c[0], samples.y - c[1], samples.z - c[2]
        scale = 1.0 / np.sqrt(dx * dx + dy * dy + dz * dz + 1.0)
        nx, ny = dx * scale, dy * scale
        space = fossa.space_mm * (
            1.0
            + nx * (nx * fossa.spread[0] + fossa.tilt[0])
            + ny * (ny * fossa.spread[1] + fossa.tilt[1])
        )
        return np.asarray(self.head_distance(samples) - np.clip(space, 0.3, fossa.widest_mm))

    def cranial(self, samples: Samples, shell: Array) -> Array:
        """Signed distance to this side's cranial bone: the ``shell`` of the skull and more.

        Hollows with air are not taken out.
        """
        bone = union(self.bones, samples, BONE_SEAM_MM, shell)
        if not self.head.near(samples, 14.0):
            return bone
        pocket, fossa = self.pocket(samples), self.fossa
        cup = smooth_max(pocket - fossa.roof_mm, fossa.rim_mm - samples.z, RIM_MM)
        return smooth_max(smooth_min(bone, cup, 1.0), -pocket, RIM_MM)

    def air(self, samples: Samples) -> Array:
        """Signed distance to the air in ear canal, middle ear and mastoid cells."""
        canal = union(self.canal, samples, 1.0)
        return np.minimum(canal, self.cells.distance(samples))
