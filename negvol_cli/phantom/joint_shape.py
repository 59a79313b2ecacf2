"""One jaw joint as solids, in side coordinates.

Side coordinates are head coordinates with x turned to lateral (mm; x lateral, y posterior,
z superior, zero midway between the two condyles), so that one description serves both sides.

The fossa is the condylar head of the closed mouth, grown by the joint space, pressed into the
bone around it: joint space and roof are what the numbers here say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from negvol_cli.geometry.grid import Vector
from negvol_cli.phantom.cells import Cells
from negvol_cli.phantom.change import CondyleChange, top_of
from negvol_cli.phantom.relief import Relief
from negvol_cli.phantom.shapes import (
    REACH_MM,
    Array,
    Samples,
    Sweep,
    Waves,
    smooth_max,
    smooth_min,
    union,
)

NECK_SEAM_MM = 3.5
BONE_SEAM_MM = 3.0
RIM_MM = 1.2
ROOF_VARIES = 0.5
"""A varying roof is thicker or thinner than its middle by a factor of about exp(0.5)."""
ATTIC_WALL_MM = 1.5
TOP_ACROSS_MM = (12.0, 16.0)
"""Across from the middle of a condyle what is near its top fades out: the coronoid process is no
part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fossa:
    """The space between condyle and temporal bone, and the bone that bounds it.

    ``space_mm`` is the joint space above the head; towards a unit vector n it is
    ``space_mm * (1 + tilt·n + spread·n²)``, at most ``widest_mm``. ``roof_mm`` is the least
    thickness of bone above, and ``rim_mm`` the height (z) down to which the cup of bone reaches.
    With ``roof``, a field, the thickness varies about ``roof_mm`` within ``roof_limits_mm``;
    ``relief`` makes the hollow rough.
    """

    space_mm: float
    tilt: tuple[float, float]
    spread: tuple[float, float]
    widest_mm: float
    roof_mm: float
    rim_mm: float
    roof: Waves | None = None
    roof_limits_mm: tuple[float, float] = (0.0, 0.0)
    relief: Relief | None = None

    def thickness(self, samples: Samples) -> Array | float:
        """The thickness in mm of the cup of bone at the samples."""
        if self.roof is None:
            return self.roof_mm
        varied = self.roof_mm * np.exp(ROOF_VARIES * self.roof.value(samples))
        return np.asarray(np.clip(varied, *self.roof_limits_mm))


@dataclass(frozen=True, kw_only=True)
class JointShape:
    """One joint: condyle, ramus and coronoid process; the bones about the fossa; air in them.

    ``centre_mm`` is the condylar head's centre with the mouth closed; ``crown`` a plane (unit
    normal, offset from the centre) that flattens the head. ``ramus`` is empty where the side of
    the mandible was taken out. ``relief`` makes the head rough; ``attic`` are air cells above
    the fossa, in bone of their own. ``change`` is what happened to the condyle since.
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
    relief: Relief | None = None
    attic: Cells | None = None
    change: CondyleChange | None = None

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
        if self.change is None:
            return self._unchanged(samples)
        before = self.change.undone(samples, self.centre_mm)
        return self.change.facet(self._unchanged(before), before, self._top_mm)

    @cached_property
    def _top_mm(self) -> float:
        return top_of(self)

    def near_top(self, samples: Samples, over_mm: float) -> Array:
        """1 at the condyle's top, falling to 0 ``over_mm`` below it, mouth closed.

        Bone keeps it where the condyle was moved or worn. Also 0 too far across from the middle.
        """
        if not self.present or not self.head.near(samples, TOP_ACROSS_MM[1]):
            return np.zeros_like(samples.z)
        before = self.change.undone(samples, self.centre_mm) if self.change else samples
        near = np.clip(1.0 - (self._top_mm - before.z) * (1.0 / over_mm), 0.0, 1.0)
        across = np.hypot(before.x - self.centre_mm[0], before.y - self.centre_mm[1])
        within, out = TOP_ACROSS_MM
        return np.asarray(near * np.clip((out - across) * (1.0 / (out - within)), 0.0, 1.0))

    def _unchanged(self, samples: Samples) -> Array:
        if not self.head.near(samples, 9.0):
            return union(self.ramus, samples, NECK_SEAM_MM)
        head = self.head_distance(samples)
        whole = union(self.ramus, samples, NECK_SEAM_MM, head)
        return self.relief.on(whole, samples, head) if self.relief else whole

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
        for room in self.attic.rooms if self.attic else ():
            if room.near(samples, ATTIC_WALL_MM + REACH_MM):
                bone = smooth_min(bone, room.distance(samples) - ATTIC_WALL_MM, 1.0)
        if not self.head.near(samples, 14.0):
            return bone
        hollow, thick = self._hollow(samples), self.fossa.thickness(samples)
        cup = smooth_max(hollow - thick, self.fossa.rim_mm - samples.z, RIM_MM)
        # a seam wider than the plate would thin it away
        seam = RIM_MM if self.fossa.roof is None else np.minimum(RIM_MM, thick)
        return smooth_max(smooth_min(bone, cup, 1.0), -hollow, seam)

    def air(self, samples: Samples) -> Array:
        """Signed distance to the air in ear canal, middle ear, mastoid cells and attic.

        No air cell opens into the fossa: the roof stays whole.
        """
        canal = union(self.canal, samples, 1.0)
        air = np.minimum(canal, self.cells.distance(samples))
        if self.attic is not None:
            air = np.minimum(air, self.attic.distance(samples))
        if self.fossa.roof is None or not self.head.near(samples, 14.0):
            return air
        return np.maximum(air, self.fossa.thickness(samples) - self._hollow(samples))

    def _hollow(self, samples: Samples) -> Array:
        """The pocket with the relief of its surface."""
        pocket, relief = self.pocket(samples), self.fossa.relief
        return relief.on(pocket, samples, np.abs(pocket)) if relief else pocket
