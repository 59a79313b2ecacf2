"""The HU of a phantom head at points, each averaged over a small width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from negvol_cli.phantom.shapes import Array, Samples, Sweep, Waves, coverage, union
from negvol_cli.phantom.soft import BRAIN_HU, FAT_HU, MUSCLE_HU, WATER_HU

if TYPE_CHECKING:
    from negvol_cli.phantom.head import PhantomHead
    from negvol_cli.phantom.jaw import Tooth

AIR_HU: Final = -1000.0
METAL_HU: Final = 6000.0
DENTINE_HU: Final = 1700.0


CORTEX_VARIES: Final = 0.5
"""A varying cortex is thicker or thinner than its middle by a factor of about exp(0.5)."""
DENSITY_VARIES: Final = 0.07
"""And its HU by about 7 per cent: our choice, within what one bone shows in clinical CT."""
DIMMER: Final = (0.30, 0.46)
DIMMER_OVER_MM: Final = (8.0, 16.0)
"""By how much a condyle's cortex is dimmer at its top than elsewhere, as a share of its step from
soft tissue, and over how many mm: five real heads show 0.30 to 0.46, their joints 8 to 16 mm
(``benchmarks.condyle_cortex``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cortex:
    """A cortex whose thickness and density vary over the bone: smooth random fields.

    The thickness in mm varies about ``middle_mm`` within ``limits_mm``.
    """

    middle_mm: float
    limits_mm: tuple[float, float]
    thickness: Waves
    density: Waves

    def mm(self, samples: Samples) -> Array:
        """The thickness in mm of the cortex of the surface nearest to the samples."""
        varied = self.middle_mm * np.exp(CORTEX_VARIES * self.thickness.value(samples))
        return np.asarray(np.clip(varied, *self.limits_mm))

    def share(self, samples: Samples) -> Array:
        """By what the HU of the bone's cortex are to be multiplied."""
        return np.asarray(1.0 + DENSITY_VARIES * self.density.value(samples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimming:
    """How much dimmer the cortex of both condyles is towards their top.

    At the top its step from soft tissue is less by the share ``at_top``, from ``over_mm`` below it
    on it is whole, and a straight line between.
    """

    at_top: float
    over_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Dimming:
        """What one head shows."""
        return cls(at_top=float(rng.uniform(*DIMMER)), over_mm=float(rng.uniform(*DIMMER_OVER_MM)))

    def on(self, cortex_hu: Array | float, near_top: Array) -> Array:
        """The cortex's HU where ``near_top`` is 1 at the top and 0 from ``over_mm`` on."""
        return np.asarray(MUSCLE_HU + (cortex_hu - MUSCLE_HU) * (1.0 - self.at_top * near_top))


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueHu:
    """The HU of the bones and the thickness of their cortex (mm).

    ``mandible_cortex`` and ``cranial_cortex``, where given, take the place of ``cortex_mm`` and
    ``neck_cortex_mm`` and of the 1.5 mm of all cranial bone. ``dimming`` is of both condyles.
    """

    cortex_hu: float
    diploe_hu: float
    marrow_hu: float
    petrous_hu: float
    enamel_hu: float
    cortex_mm: float
    neck_cortex_mm: float
    grain: Waves
    dimming: Dimming
    mandible_cortex: Cortex | None = None
    cranial_cortex: Cortex | None = None

    @classmethod
    def draw(cls, rng: np.random.Generator) -> TissueHu:
        """Bones of some density."""
        u = rng.uniform
        return cls(
            cortex_hu=float(u(1150, 1800)),
            diploe_hu=float(u(400, 950)),
            marrow_hu=float(u(200, 550)),
            petrous_hu=float(u(1500, 2100)),
            enamel_hu=float(u(2100, 2900)),
            cortex_mm=float(u(0.7, 1.3)),
            neck_cortex_mm=float(u(1.4, 2.6)),
            grain=Waves.draw(rng, 8, 5.0),
            dimming=Dimming.draw(rng),
        )


def head(phantom: PhantomHead, samples: Samples, width_mm: float) -> Array:
    """HU at the samples: soft tissue first, then what lies in it, the densest last."""
    soft, cranium = phantom.soft, phantom.cranium
    both = samples.folded()
    cavity = cranium.cavity(samples)
    closed = phantom.bite.closed(samples).folded()
    skin = soft.skin(both, closed, cavity, cranium.cover_mm)
    if skin.min() > width_mm:
        return np.full_like(samples.x, AIR_HU)
    hu = soft.values(samples, both, skin) if cavity.max() > -12 else np.full_like(skin, BRAIN_HU)
    hu = _over(np.full_like(skin, AIR_HU), skin, hu, width_mm)
    airway = union(soft.airway, both, 2.0)
    hu = _over(hu, airway, AIR_HU, width_mm)
    hu = _over(hu, _only(cranium.orbits, both), FAT_HU, width_mm)
    hu = _over(hu, _only(cranium.eye, both), 15.0, width_mm)
    if cavity.min() < width_mm:
        brain = BRAIN_HU + 3.0 * soft.mottle.value(samples)
        brain = _over(brain, union(soft.ventricles, both, 3.0), WATER_HU, width_mm)
        hu = _over(hu, cavity, np.minimum(brain, WATER_HU - 9.0 * cavity), width_mm)
    if cavity.max() < -25 and samples.low[2] > 40:
        return hu
    return _bones(phantom, samples, both, cavity, hu, width=width_mm)


def _bones(
    phantom: PhantomHead,
    samples: Samples,
    both: Samples,
    cavity: Array,
    hu: Array,
    *,
    width: float,
) -> Array:
    intensities = phantom.intensities
    grain = intensities.grain.value(samples)
    for vertebra in phantom.spine:
        bone = union(vertebra, both, 2.0)
        hu = _bone(
            hu, bone, (1.2, intensities.cortex_hu * 0.75), intensities.marrow_hu + 70 * grain, width
        )
    mandible = phantom.mandible(samples)
    bone = phantom.cranial_bone(samples, cavity, mandible)
    if bone.min() < width:
        inner = intensities.diploe_hu + 110 * grain
        shell = _cortex(intensities, intensities.cranial_cortex, samples, 1.5)
        hu = _bone(hu, bone, shell, inner, width)
        for side, joint in ((samples, phantom.left), (samples.mirrored(), phantom.right)):
            hu = _over(hu, _only(joint.cochlea, side), intensities.petrous_hu, width)
    air = phantom.air(samples)
    hu = _over(hu, air, AIR_HU, width)
    closed = phantom.bite.closed(samples)
    if mandible.min() < width:
        low = np.clip((-8.0 - samples.z) * (1 / 14.0), 0.0, 1.0)
        cortex = intensities.cortex_mm + low * (intensities.neck_cortex_mm - intensities.cortex_mm)
        inner = intensities.marrow_hu + 120 * grain
        thick, shown = _cortex(intensities, intensities.mandible_cortex, closed, cortex)
        dimming = intensities.dimming
        dimmed = dimming.on(shown, phantom.near_top(closed, dimming.over_mm))
        # no cortex is dimmer than the marrow in it
        hu = _bone(hu, mandible, (thick, np.maximum(dimmed, inner)), inner, width)
    hu = _teeth(hu, phantom.jaw.upper_teeth, samples, intensities, width)
    hu = _teeth(hu, phantom.jaw.lower_teeth, closed, intensities, width)
    for implant in phantom.implants:
        hu = _over(hu, _only(implant, samples), METAL_HU, width)
    return hu


def _cortex(
    intensities: TissueHu, varied: Cortex | None, samples: Samples, plain_mm: Array | float
) -> tuple[Array | float, Array | float]:
    """Thickness in mm and HU of a bone's cortex."""
    if varied is None:
        return plain_mm, intensities.cortex_hu
    return varied.mm(samples), intensities.cortex_hu * varied.share(samples)


def _teeth(
    hu: Array, teeth: tuple[Tooth, ...], samples: Samples, intensities: TissueHu, width: float
) -> Array:
    for tooth in teeth:
        hu = _over(hu, _only(tooth.root, samples), DENTINE_HU, width)
        value = METAL_HU if tooth.metal else intensities.enamel_hu
        hu = _over(hu, _only(tooth.crown, samples), value, width)
    return hu


def _only(part: Sweep, samples: Samples) -> Array | None:
    return part.distance(samples) if part.near(samples, 3.0) else None


def _over(hu: Array, distance: Array | None, value: Array | float, width: float) -> Array:
    """``value`` laid over ``hu`` where the solid is, its edge ``width`` wide."""
    if distance is None or distance.min() > width:
        return hu
    return np.asarray(hu + coverage(distance, width) * (value - hu))


def _bone(
    hu: Array,
    distance: Array,
    cortex: tuple[Array | float, Array | float],
    inner: Array | float,
    width: float,
) -> Array:
    """A bone with its cortex (mm, HU) and inside; thin plates keep their share of a voxel."""
    cortex_mm, cortex_hu = cortex
    if distance.min() > width:
        return hu
    outer, core = coverage(distance, width), coverage(distance + cortex_mm, width)
    return np.asarray(hu * (1.0 - outer) + (outer - core) * cortex_hu + core * inner)
