from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.near import squared_away, within


@pytest.mark.parametrize("radius", [1.0, 3.9, 4.0, 10.0, 16.0])
@pytest.mark.parametrize("share", [0.0005, 0.2])
def test_squared_distances_are_those_of_a_distance_transform_up_to_the_radius(radius, share):
    mask = np.random.default_rng([15, int(radius)]).random((17, 30, 23)) < share
    mask[3, 4, 5] = True

    found = squared_away(mask, radius)

    truth = np.rint(ndimage.distance_transform_edt(~mask) ** 2)
    assert np.array_equal(found, np.minimum(truth, int(radius**2) + 1))
    assert np.array_equal(within(mask, radius), truth <= radius**2)


def test_nothing_is_within_reach_of_an_empty_mask():
    assert not within(np.zeros((4, 5, 6), dtype=bool), 3.0).any()


def test_an_array_thinner_than_the_radius_is_taken_whole():
    mask = np.zeros((1, 2, 9), dtype=bool)
    mask[0, 0, 0] = True

    assert within(mask, 4.0)[0].tolist() == [[True] * 5 + [False] * 4, [True] * 4 + [False] * 5]
