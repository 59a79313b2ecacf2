"""A roof too thin to be seen is bridged from its rim; the fossa's own opening is not."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.steps.roof_gap import gap_flags, without_roof_gap
from tests.steps.made_joints import LEFT, ball, frame_points

POINTS = frame_points()
SPACING_MM = LEFT.spacing_mm
CONDYLE = ball(5.0)
X, Y, Z = POINTS[..., 0], POINTS[..., 1], POINTS[..., 2]


def roof(slope: float = 0.0) -> np.ndarray:
    """A plate 4 mm thick, 4 mm above the ball of 5 mm, rising to the left by ``slope``."""
    height = Z - slope * X
    return ((height > 9.0) & (height < 13.0)).astype(np.float32)


def round_hole(radius_mm: float, at_x: float = 0.0) -> np.ndarray:
    return np.hypot(X - at_x, Y) < radius_mm


def with_hole(hole: np.ndarray, slope: float = 0.0):
    plate = roof(slope)
    plate[hole] = 0.0
    return plate


def untouched(bone: np.ndarray, condyle: np.ndarray) -> bool:
    bridged, area_mm2 = without_roof_gap(bone, condyle, SPACING_MM)
    return bridged is bone and area_mm2 == 0.0


@pytest.mark.parametrize("slope", [0.0, 0.5])
def test_an_enclosed_gap_is_bridged_level_with_its_rim(slope):
    bone = with_hole(round_hole(3.0), slope)

    bridged, _ = without_roof_gap(bone, CONDYLE, SPACING_MM)

    over = round_hole(3.0) & (bridged > 0.5)
    columns = round_hole(3.0).any(axis=0)
    assert over.any(axis=0)[columns].all()
    lowest = np.where(over, Z - slope * X, np.inf).min(axis=0)[columns]
    assert np.abs(lowest - 9.0).max() < 1.0
    assert over.sum(axis=0)[columns].mean() < 4.0
    assert (bridged >= bone).all()


def test_the_opening_of_the_fossa_stays_open():
    bone = with_hole(X > -2.0)

    assert untouched(bone, CONDYLE)


def test_a_gap_that_the_searched_part_cuts_is_not_enclosed():
    bone = with_hole(round_hole(3.0, at_x=15.5))
    long = np.maximum(CONDYLE, ((np.abs(Y) < 4) & (np.abs(Z) < 4)).astype(np.float32))

    assert untouched(bone, long)
    _, area_mm2 = without_roof_gap(bone, long, SPACING_MM, head_mm=(8.0, 0.0, 0.0))
    assert area_mm2 == pytest.approx(np.pi * 9.0, rel=0.1)


def test_half_a_fossa_is_not_made_up():
    assert untouched(with_hole(round_hole(5.5)), CONDYLE)


def test_what_is_bridged_is_said_and_pinholes_are_not():
    wide, pinhole = (
        without_roof_gap(with_hole(round_hole(r)), CONDYLE, SPACING_MM)[1] for r in (3.0, 0.8)
    )

    assert wide == pytest.approx(np.pi * 9.0, rel=0.1)
    (flag,) = gap_flags(wide)
    assert flag.text.startswith("no roof of the fossa was to be seen over 2")
    assert pinhole > 0
    assert gap_flags(pinhole) == ()


def test_without_bone_or_condyle_nothing_is_bridged():
    nothing = np.zeros_like(CONDYLE)

    assert untouched(nothing, CONDYLE)
    assert untouched(roof(), nothing)
