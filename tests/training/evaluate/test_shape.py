"""Agreement in shape, wherever the reference's edge was drawn."""

import numpy as np
import pytest

from training.evaluate.shape import shape_dice

away_mm = np.linalg.norm(np.indices((48, 48, 48)) - 23.5, axis=0) * 0.5
EVERYWHERE = np.ones(away_mm.shape, dtype=bool)


@pytest.mark.parametrize("offset_mm", [-0.5, -0.25, 0.0, 0.3])
def test_an_edge_drawn_elsewhere_all_around_does_not_count(offset_mm):
    assert shape_dice(away_mm < 7 + offset_mm, away_mm < 7, EVERYWHERE, 0.5) > 0.99


def test_another_shape_counts():
    hollow = (away_mm < 7) & (away_mm > 4)

    assert shape_dice(hollow, away_mm < 7, EVERYWHERE, 0.5) == pytest.approx(0.90, abs=0.01)


def test_only_what_is_near_counts():
    near = away_mm < 3

    assert shape_dice((away_mm < 7) | (away_mm > 10), away_mm < 7, near, 0.5) == 1.0


def test_a_reference_without_an_edge_is_compared_as_it_is():
    assert shape_dice(EVERYWHERE, EVERYWHERE, EVERYWHERE, 0.5) == 1.0
    assert shape_dice(EVERYWHERE, ~EVERYWHERE, EVERYWHERE, 0.5) == 0.0
