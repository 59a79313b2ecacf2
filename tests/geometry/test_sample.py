import numpy as np
import pytest

from negvol_cli.geometry.sample import cubic


def test_a_parabola_comes_back_between_voxels():
    z, y, x = np.meshgrid(*(np.arange(8.0),) * 3, indexing="ij")
    values = 3 * x**2 - x * y + 0.5 * z**2 + 2
    at = np.random.default_rng(1).uniform(1, 6, (200, 3))

    found = cubic(values, at)

    i, j, k = at.T
    assert found == pytest.approx(3 * i**2 - i * j + 0.5 * k**2 + 2, rel=1e-4)


def test_voxels_themselves_come_back_and_the_border_goes_on_beyond_it():
    values = np.random.default_rng(2).normal(size=(4, 5, 6))

    inside = cubic(values, np.array([[2.0, 3.0, 1.0]]))
    beyond = cubic(values, np.array([[-7.0, 2.0, 3.0]]))

    assert inside[0] == pytest.approx(values[1, 3, 2], rel=1e-6)
    assert beyond[0] == pytest.approx(values[3, 2, 0], rel=1e-6)


def test_the_width_of_an_edge_is_left_as_it_is():
    from scipy.special import ndtr

    x = np.arange(40.0)
    values = np.broadcast_to(ndtr((x - 20.3) / 1.2), (5, 5, 40))
    t = np.arange(12.0, 28.0, 0.05)

    seen = cubic(values, np.stack([t, np.full(len(t), 2.4), np.full(len(t), 1.7)], axis=-1))

    rise = np.gradient(seen, t)
    middle = (rise @ t) / rise.sum()
    assert np.sqrt(rise @ (t - middle) ** 2 / rise.sum()) == pytest.approx(1.2, rel=0.01)
    assert middle == pytest.approx(20.3, abs=0.01)
