import numpy as np
import pytest
from scipy.special import ndtr

from negvol_cli.steps.layers import Belief, Layers, Profiles, fit_layers, shown

STEP = Layers(np.array([[1.0, 0.0], [1.0, 1.0]]))  # two places: the first, and a thickness on
WIDE = Layers(STEP.chain, seeks_width=True)
T = np.arange(-4.0, 6.0, 0.25)
WIDTH = np.full(1, 0.5)
SEEN = Profiles(T[None], np.zeros((1, len(T))), np.ones((1, len(T))), WIDTH)
ANYTHING = Belief(*(np.array([v] * 5) for v in (100.0, 1e4, -5e3, 5e3)))


def across(levels, places, width):
    """HU at ``T``, written out for two edges."""
    first, second = (ndtr((T - place) / width) for place in places)
    return levels[0] + (levels[1] - levels[0]) * first + (levels[2] - levels[1]) * second


def seen(hu, width, noise=1.0):
    hu = np.atleast_2d(hu)
    return Profiles(
        np.broadcast_to(T, hu.shape), hu, np.full(hu.shape, 1 / noise), np.full(len(hu), width)
    )


@pytest.mark.parametrize("thickness", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("edge", [-0.7, 0.0, 0.9])
def test_a_layer_thinner_or_thicker_than_the_blur_is_found_where_it_is(edge, thickness):
    hu = across((40, 1500, 300), (edge, edge + thickness), 0.6)
    sure = np.array([40.0, 1500.0, 300.0, 0.0, 1.0])
    low = np.array([-5e3, -5e3, -5e3, -3.0, 0.1])
    belief = Belief(sure, np.array([20.0, 20.0, 500.0, 2.0, 2.0]), low, sure + 5e3)

    fit = fit_layers(STEP, seen(hu, 0.6), belief, sure[None], rounds=40)

    assert STEP.places(fit.parameters)[0] == pytest.approx([edge, edge + thickness], abs=0.01)
    assert fit.misfit[0] < 1.0


@pytest.mark.parametrize("width", [0.3, 0.8, 1.4])
def test_the_width_of_the_blur_is_found_with_the_edge(width):
    hu = across((-1000, 60, -40), (0.2, 2.2), width)
    start = np.array([[-1000.0, 50.0, 0.0, 0.0, 1.5, np.log(0.6)]])
    belief = Belief(start[0], np.array([99, 99, 99, 1, 0.8, 2]), start[0] - 2e3, start[0] + 2e3)

    fit = fit_layers(WIDE, seen(hu, 1.0), belief, start, rounds=60)

    assert np.exp(fit.parameters[0, -1]) == pytest.approx(width, rel=0.02)


def test_the_derivatives_are_those_of_the_model():
    q = np.array([[30.0, 1400.0, 250.0, 0.1, 0.9, np.log(0.5)]])  # whatever ``SEEN`` says of it
    hu, slope = shown(WIDE, SEEN, q)

    for i in range(q.shape[1]):
        more = q.copy()
        more[0, i] += 1e-5
        assert slope[0, i] == pytest.approx((shown(WIDE, SEEN, more)[0] - hu)[0] / 1e-5, abs=0.5)


@pytest.mark.parametrize("half", [1e-6, 0.05, 0.7, 2.1])
def test_under_a_box_a_profile_is_its_mean_over_the_box(half):
    q = np.array([[30.0, 1400.0, 250.0, 0.1, 0.9]])
    boxed = Profiles(T[None], np.zeros((1, len(T))), np.ones((1, len(T))), WIDTH, np.array([half]))

    hu, slope = shown(STEP, boxed, q)

    over = half * (np.arange(400) + 0.5) / 200 - half
    expected = np.mean([across(q[0, :3], (0.1 + at, 1.0 + at), 0.5) for at in over], axis=0)
    assert hu[0] == pytest.approx(expected, abs=0.5)
    for i in range(q.shape[1]):
        more = q.copy()
        more[0, i] += 1e-4
        assert slope[0, i] == pytest.approx((shown(STEP, boxed, more)[0] - hu)[0] / 1e-4, abs=0.5)


@pytest.mark.parametrize("half", [None, 0.7])
def test_a_kernel_that_sharpens_shows_more_than_a_step_less_a_wider_blur(half):
    q = np.array([[30.0, 1400.0, 250.0, 0.1, 0.9]])
    box = None if half is None else np.array([half])
    met = Profiles(SEEN.t_mm, SEEN.hu, SEEN.weight, WIDTH, box, 0.6, np.array([0.8]))

    hu, slope = shown(STEP, met, q)

    narrow, wide = (
        shown(STEP, Profiles(SEEN.t_mm, SEEN.hu, SEEN.weight, np.array([width]), box), q)[0]
        for width in (0.5, np.hypot(0.5, 0.8))
    )
    assert hu == pytest.approx(1.6 * narrow - 0.6 * wide, abs=1e-3)
    for i in range(q.shape[1]):
        more = q.copy()
        more[0, i] += 1e-4
        assert slope[0, i] == pytest.approx((shown(STEP, met, more)[0] - hu)[0] / 1e-4, abs=0.5)


def test_an_edge_in_slabs_is_found_where_it_is():
    slab = np.array([2.0])
    places = (0.3, 1.1)
    seen_hu = np.mean(
        [across((40, 1500, 300), np.add(places, at), 0.5) for at in np.linspace(-2, 2, 401)], axis=0
    )
    met = Profiles(T[None], seen_hu[None], np.ones((1, len(T))), WIDTH, slab)
    sure = np.array([40.0, 1500.0, 300.0, 0.0, 1.0])
    low = np.array([-5e3, -5e3, -5e3, -3.0, 0.1])
    belief = Belief(sure, np.array([20.0, 20.0, 500.0, 2.0, 2.0]), low, sure + 5e3)

    fit = fit_layers(STEP, met, belief, sure[None], rounds=40)

    assert STEP.places(fit.parameters)[0] == pytest.approx(places, abs=0.02)


def test_the_stated_spread_of_an_edge_is_that_of_its_errors():
    noise = 60.0
    rng = np.random.default_rng(3)
    hu = across((40, 1500, 300), (0.0, 1.0), 0.6) + rng.normal(0, noise, (400, len(T)))
    start = np.tile([40.0, 1500.0, 300.0, 0.2, 0.8], (400, 1))

    fit = fit_layers(STEP, seen(hu, 0.6, noise), ANYTHING, start, rounds=40)

    stated = np.sqrt(np.median(fit.covariance[:, 3, 3]))
    assert np.std(fit.parameters[:, 3]) == pytest.approx(stated, rel=0.15)
    assert np.median(fit.misfit) == pytest.approx(1.0, abs=0.1)


def test_what_a_profile_does_not_show_stays_as_believed():
    flat = np.full(len(T), 40.0)
    belief = Belief(
        np.array([40.0, 1500.0, 40.0, 30.0, 1.0]),
        np.array([9, 90, 9, 0.5, 0.5]),
        *np.array([[-9e3] * 5, [9e3] * 5]),
    )

    fit = fit_layers(STEP, seen(flat, 0.5), belief, belief.mean[None])

    assert fit.parameters[0] == pytest.approx(belief.mean)
    assert np.sqrt(np.diag(fit.covariance[0]))[1:] == pytest.approx(belief.sd[1:], rel=0.15)
    assert np.sqrt(fit.covariance[0, 0, 0]) < 0.2  # seen by all forty voxels


def test_a_voxel_that_was_met_several_times_is_kept_once_and_counts_as_often() -> None:
    met = Profiles(
        np.array([[0.5, -4.0, 0.5, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0, 0.0]]),
        np.array([[30.0, 0.0, 30.0, 80.0, 90.0], [1.0, 1.0, 1.0, 1.0, 5.0]]),
        np.array([[2.0, 0.0, 2.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 3.0]]),
        np.ones(2),
    )

    kept = met.distinct()

    of_each = [
        sorted(zip(t[w > 0], hu[w > 0], w[w > 0] ** 2, strict=True))
        for t, hu, w in zip(kept.t_mm, kept.hu, kept.weight, strict=True)
    ]
    assert of_each[0] == [
        (0.5, 30.0, pytest.approx(8.0)),
        (1.0, 80.0, pytest.approx(1.0)),
        (1.0, 90.0, pytest.approx(1.0)),
    ]
    assert of_each[1] == [(0.0, 5.0, pytest.approx(9.0))]
