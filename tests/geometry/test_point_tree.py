"""The nearest points are those that SciPy's tree finds, also where there are few or none."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from negvol_cli.geometry.point_tree import PointTree

RNG = np.random.default_rng(3)
POINTS = RNG.random((500, 3))
ASKED = RNG.random((300, 3)) * 1.5


@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("within", [np.inf, 0.3, 0.05])
@pytest.mark.parametrize("count", [500, 4, 1])
def test_the_same_as_scipy(k: int, within: float, count: int):
    points = POINTS[:count]
    wanted = cKDTree(points).query(ASKED, k=k, distance_upper_bound=within)

    away, which = PointTree(points).query(ASKED, k=k, within_mm=within)

    np.testing.assert_allclose(away, wanted[0], atol=1e-12)
    np.testing.assert_array_equal(which, wanted[1])
    assert (away.dtype, which.dtype) == (np.float64, np.intp)


@pytest.mark.parametrize("k", [1, 3])
def test_among_no_points_nothing_is_near(k: int):
    away, which = PointTree(np.zeros((0, 3))).query(ASKED, k=k)

    assert np.isinf(away).all()
    assert not which.any()
    assert away.shape == which.shape == ((300,) if k == 1 else (300, k))


def test_nothing_asked_is_nothing_found():
    away, which = PointTree(POINTS).query(np.zeros((0, 3)), k=2)
    assert away.shape == which.shape == (0, 2)


def test_points_of_any_layout_are_read_rightly():
    turned = np.asfortranarray(POINTS)[:, ::-1]
    away, _ = PointTree(turned).query(ASKED[:, ::-1])
    np.testing.assert_allclose(away, PointTree(POINTS).query(ASKED)[0], atol=1e-12)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(wrong: float):
    points = POINTS.copy()
    points[7, 1] = wrong
    with pytest.raises(ValueError, match="finite"):
        PointTree(points)
    with pytest.raises(ValueError, match="finite"):
        PointTree(POINTS).query(points)


def test_points_that_all_lie_at_one_place_are_no_matter():
    away, _ = PointTree(np.ones((50_000, 3))).query(np.zeros((1, 3)), k=3)
    np.testing.assert_allclose(away, np.sqrt(3.0))
