"""What a Dice coefficient is in millimetres."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.shape_ceiling import distance_at

SPACING_MM = 0.5
RADIUS_MM = 8.0


def test_of_a_ball_and_a_slightly_smaller_one() -> None:
    axis = SPACING_MM * (np.arange(48) - 23.5)
    away = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")))
    volume, smaller = RADIUS_MM**3, (RADIUS_MM - 0.2) ** 3
    dice = 2 * smaller / (volume + smaller)
    everywhere = np.ones(away.shape, dtype=bool)
    assert distance_at(dice, away <= RADIUS_MM, everywhere, SPACING_MM) == pytest.approx(
        0.2, rel=0.05
    )
