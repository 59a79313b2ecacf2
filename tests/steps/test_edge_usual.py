"""What lines of a joint tell together of its cortex, and what they lean on where they cannot."""

import numpy as np
import pytest

from negvol_cli.steps.edge_fit import CORTEX_MM
from negvol_cli.steps.edge_usual import (
    DIM_MM,
    DIMMER,
    EXPECTED_COUNTS,
    EXPECTED_EDGES,
    TRIED,
    better_by,
    by_themselves,
    dimmer_by,
    joint_level,
    nearness_to_top,
    steps_to_least,
    usual_thickness,
)

MIDDLE = (1.0, 2.0, -3.0)


def costs(dimmer: float, sd: float, lines: int = 60) -> np.ndarray:
    """(3, N): what lines cost that would have cortex dimmer by so much, each so sure of it."""
    return np.repeat(((np.array(TRIED) - dimmer) / sd)[:, None] ** 2, lines, axis=1)


def test_the_nearness_to_the_condyles_top_falls_from_one_to_zero_at_the_neck():
    below = np.array([0.0, 0.25, 0.5, 1.0, 2.0]) * DIM_MM
    head = np.array(MIDDLE) + np.stack([below / 4, 0 * below, 5.0 - below], axis=1)

    assert nearness_to_top(head, MIDDLE) == pytest.approx([1.0, 0.75, 0.5, 0.0, 0.0])


def test_a_coronoid_process_that_stands_higher_is_not_the_condyles_top():
    head, coronoid = np.array([[0.0, 0.0, 5.0], [0.0, -20.0, 12.0]]) + MIDDLE

    assert nearness_to_top(np.array([head, coronoid]), MIDDLE).tolist() == [1.0, 0.0]
    assert nearness_to_top(coronoid[None], MIDDLE).tolist() == [0.0]


@pytest.mark.parametrize("dimmer", [0.0, 0.1, 0.25, 0.45])
def test_many_lines_that_each_tell_little_tell_how_dim_the_top_is(dimmer):
    assert dimmer_by(costs(dimmer, 0.2, lines=80)) == pytest.approx(dimmer, abs=0.05)


def test_lines_that_tell_nothing_leave_what_is_expected_of_the_top():
    assert dimmer_by(np.full((3, 40), 7.0)) == pytest.approx(DIMMER)
    assert dimmer_by(costs(0.0, 5.0, lines=5)) == pytest.approx(DIMMER, abs=0.01)


def test_a_line_that_is_no_plate_of_bone_counts_no_more_than_any_other():
    odd = np.array([[1e6], [1e6], [0.0]])
    both = np.concatenate([costs(0.1, 0.2), odd], axis=1)

    assert dimmer_by(both) == pytest.approx(dimmer_by(costs(0.1, 0.2)), abs=0.02)


def test_the_top_is_never_brighter_than_thick_cortex_nor_half_as_dim_as_tissue():
    assert dimmer_by(costs(-0.4, 0.1)) == 0.0
    assert dimmer_by(costs(0.9, 0.1)) == 0.5


def test_the_bone_that_shows_more_tells_the_level_of_both():
    thick, thin = np.full(300, 1700.0), np.full(300, 1300.0)

    level = joint_level([thin, thick], 1440.0)

    assert level == joint_level([thick, thin], 1440.0)
    assert 1650.0 < level < 1700.0


def test_few_lines_leave_the_level_near_what_is_expected():
    nothing = np.zeros(0)

    assert joint_level([nothing, nothing], 1440.0) == 1440.0
    few = joint_level([nothing, np.full(int(EXPECTED_COUNTS) // 6, 2000.0)], 1440.0)
    assert 1440.0 < few < 1620.0


def test_what_a_line_says_by_itself_is_freed_of_what_was_expected_of_it():
    # 0.4 mm seen with a spread of 0.6 where 1.0 mm was expected with 0.8: the weighted mean
    seen, spread_seen, expected, spread = 0.4, 0.6, 1.0, 0.8
    weights = np.array([spread_seen**-2, spread**-2])
    fitted, sd = weights @ [seen, expected] / weights.sum(), weights.sum() ** -0.5

    alone, own = by_themselves(np.array([fitted]), np.array([sd]), expected, spread)

    assert alone == pytest.approx([seen])
    assert own == pytest.approx([weights[0] / weights.sum()])


def test_many_lines_tell_how_thick_cortex_usually_is_and_none_leave_what_is_expected():
    nothing = np.zeros(0)

    assert usual_thickness(nothing) == CORTEX_MM
    assert usual_thickness(np.full(400, 0.4)) == pytest.approx(0.4, abs=0.02)
    assert usual_thickness(np.full(int(EXPECTED_EDGES), 0.4)) == pytest.approx(
        (0.4 + CORTEX_MM) / 2
    )


def test_a_line_that_nothing_explains_says_little_of_which_kernel_is_better():
    ten, odd = np.zeros(10), np.full(1, 1e6)

    assert better_by(ten + 3.0, ten) == pytest.approx(3.0)
    assert better_by(np.append(ten + 3.0, odd), np.append(ten, 0.0)) < 3.6
    assert better_by(ten[:0], ten[:0]) == 0.0


@pytest.mark.parametrize("steps", [0.0, 0.7, 2.0, 2.6])
def test_all_lines_together_tell_by_how_many_steps_a_kernel_differs(steps):
    costs = np.repeat((np.arange(4.0)[:, None] - steps) ** 2, 50, axis=1)

    assert steps_to_least(costs) == pytest.approx(steps)


def test_a_kernel_differs_by_no_more_than_was_tried():
    costs = np.repeat((np.arange(4.0)[:, None] - 9.0) ** 2, 50, axis=1)

    assert steps_to_least(costs) == 3.0
    assert steps_to_least(-(np.arange(4.0)[:, None] ** 2)) == 3.0  # a parabola upside down
