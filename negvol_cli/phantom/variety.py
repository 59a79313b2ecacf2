"""How far phantom heads may differ: what makes a benchmark on them honest."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.phantom.cells import Cells
from negvol_cli.phantom.joint_shape import Fossa, JointShape
from negvol_cli.phantom.paint import Cortex, TissueHu
from negvol_cli.phantom.relief import Relief, draw_pit, draw_spur
from negvol_cli.phantom.shapes import Samples, Waves, ellipsoid

Range = tuple[float, float]

FIELD_MM: Final = 14.0
"""Over which length cortex and roof change thickness: about the width of a condyle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """Least and greatest sizes (mm) and intensities (HU) of what a benchmark's phantoms have.

    ``cortex_mm`` and ``roof_mm`` vary over the surface of one bone, within these limits; the
    others from joint to joint or head to head. ``bumps_mm`` is the height of a rough surface,
    ``worn`` the share of condyles with pits and spurs, ``aired`` that of fossae with air cells
    behind the roof. Along its normal a cortex is up to a quarter thicker than ``cortex_mm``, which
    is measured in the distances that define the bones (``shapes``): 0.3 to 2.5 mm.

    Published: cortex of the condyle 0.3 to 2 mm, roof of the glenoid fossa 0.5 to 3 mm
    (Honda et al., Oral Surg Oral Med Oral Pathol 98:476, 2004; Ejima et al., Dentomaxillofac
    Radiol 42:20120330, 2013), joint spaces 1.3 to 2.5 mm on average (Ikeda and Kawamura, Am J
    Orthod Dentofacial Orthop 135:495, 2009); the ranges here are wider on purpose.
    """

    space_mm: Range = (0.8, 5.0)
    roof_mm: Range = (0.3, 3.0)
    cortex_mm: Range = (0.3, 2.0)
    marrow_hu: Range = (50.0, 600.0)
    cortex_hu: Range = (1000.0, 1900.0)
    bumps_mm: Range = (0.0, 0.3)
    worn: float = 0.5
    aired: float = 0.5

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = value if isinstance(value, tuple) else (value, 1.0)
            if not 0.0 <= low <= high:
                raise ValueError(f"{item.name} must be a rising range above 0, got {value}")

    def space(self, rng: np.random.Generator) -> float:
        """A joint space in mm."""
        return _log_uniform(rng, self.space_mm)

    def roof(self, rng: np.random.Generator) -> float:
        """The middle thickness of a fossa's roof in mm."""
        return _log_uniform(rng, self.roof_mm)

    def joint(self, rng: np.random.Generator, joint: JointShape) -> JointShape:
        """The joint with a rough condyle and fossa, a roof of varying thickness, and air above."""
        relief = Relief.draw(rng, float(rng.uniform(*self.bumps_mm)))
        on_fossa = Relief.draw(rng, float(rng.uniform(*self.bumps_mm)))
        roof = Waves.draw(rng, 4, FIELD_MM)
        worn, aired = rng.random() < self.worn, rng.random() < self.aired
        where = _directions(rng)
        pits = [draw_pit(rng, *_surface(joint, way)) for way in where[:4]]
        spurs = [draw_spur(rng, *_surface(joint, way)) for way in where[4:]]
        if worn:
            relief = replace(relief, pits=tuple(pits), spurs=tuple(spurs))
        fossa = replace(joint.fossa, roof=roof, roof_limits_mm=self.roof_mm, relief=on_fossa)
        attic = _attic(rng, joint, fossa)
        return replace(joint, relief=relief, fossa=fossa, attic=attic if aired else None)

    def intensities(self, rng: np.random.Generator, intensities: TissueHu) -> TissueHu:
        """Bones of other density, their cortex of varying thickness and density."""
        mandible, cranial = (
            Cortex(
                middle_mm=_log_uniform(rng, self.cortex_mm),
                limits_mm=self.cortex_mm,
                thickness=Waves.draw(rng, 4, FIELD_MM),
                density=Waves.draw(rng, 4, 2 * FIELD_MM),
            )
            for _ in range(2)
        )
        return replace(
            intensities,
            cortex_hu=float(rng.uniform(*self.cortex_hu)),
            marrow_hu=float(rng.uniform(*self.marrow_hu)),
            diploe_hu=float(rng.uniform(self.marrow_hu[0], 1.5 * self.marrow_hu[1])),
            mandible_cortex=mandible,
            cranial_cortex=cranial,
        )


def _log_uniform(rng: np.random.Generator, limits: Range) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _directions(rng: np.random.Generator) -> list[Vector]:
    """Four directions to pits (upward) and two to spurs (forward and to a side)."""
    ways = rng.normal(size=(6, 3))
    ways[:4, 2] = np.abs(ways[:4, 2]) + 0.5
    ways[4:] = ways[4:] * (0.7, 0.2, 0.2) + np.array([[0.0, -1.0, 0.2]])
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return [vector(way) for way in ways]


def _surface(joint: JointShape, way: Vector) -> tuple[Vector, Vector]:
    """Where the ray from the head's centre along ``way`` leaves the head; the way back."""
    along = np.arange(0.0, 20.0, 0.02)
    points = np.array(joint.centre_mm) + along[:, None] * np.array(way)
    outside = joint.head_distance(Samples.of(*points.T)) > 0
    return vector(points[int(np.argmax(outside))]), vector(-np.array(way))


def _attic(rng: np.random.Generator, joint: JointShape, fossa: Fossa) -> Cells:
    """Air cells above the roof."""
    x, y, z = joint.centre_mm
    top = z + joint.crown[1] + fossa.space_mm + fossa.roof_mm
    radii = (float(rng.uniform(4, 9)), float(rng.uniform(4, 8)), float(rng.uniform(2.5, 4.5)))
    room = ellipsoid((x + float(rng.uniform(-3, 3)), y, float(top + 0.4 * radii[2])), radii)
    return Cells.draw(rng, (room,), float(rng.uniform(2.4, 5.0)), float(rng.uniform(0.5, 1.2)))
