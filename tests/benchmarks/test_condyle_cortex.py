"""How the fall of cortex's brightness towards a condyle's top is summed up."""

import numpy as np
import pytest

from benchmarks.condyle_cortex import FEWEST_ABOVE, fall_of


@pytest.mark.parametrize(("dimmer", "over_mm"), [(0.3, 8.0), (0.45, 12.0)])
def test_the_fall_that_lines_show_is_found_among_lines_that_show_something_else(dimmer, over_mm):
    rng = np.random.default_rng(5)
    depth = rng.uniform(0.0, 18.0, 600)
    share = 1.05 * (1 - dimmer * np.maximum(0.0, 1 - depth / over_mm)) + rng.normal(0, 0.03, 600)
    share[::10] = 0.3

    found = [float(word) for word in fall_of(share, depth).split()[:3:2]]

    assert found[0] == pytest.approx(dimmer, abs=0.02)
    assert found[1] == pytest.approx(over_mm, abs=1.0)


def test_even_cortex_does_not_fall():
    depth = np.linspace(0.0, 18.0, 200)

    assert fall_of(np.ones(200), depth).startswith("0.00 over")


def test_too_few_lines_near_the_top_tell_of_no_fall():
    depth = np.concatenate([np.full(FEWEST_ABOVE - 1, 1.0), np.full(500, 12.0)])

    assert fall_of(np.ones(len(depth)), depth) == "–"
