from __future__ import annotations

import math

import pytest

from negvol_cli.render import words
from negvol_cli.report import Asymmetry


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (math.nan, "–"), (math.inf, "–"), (0.0, "0.0"), (-0.01, "0.0"), (2.26, "2.3")],
)
def test_a_missing_figure_is_a_dash_and_zero_is_zero(value: float | None, shown: str):
    assert words.mm(value) == shown


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (900.0, 1100.0, "right larger"),
        (1100.0, 900.0, "left larger"),
        (1000.0, 1000.0, "equal"),
        (1000.0, 1000.4, "equal"),
        (None, 1000.0, "–"),
    ],
)
def test_the_larger_side_is_named(left: float | None, right: float, said: str):
    assert words.larger(Asymmetry.between(left, right)) == said


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (5755.0, 7921.0, "asymmetry index 15.8 % (R > L); R is 1.38 × L"),
        (1100.0, 900.0, "asymmetry index 10.0 % (L > R); L is 1.22 × R"),
        (1000.0, 0.0, "asymmetry index 100.0 % (L > R)"),
        (1000.0, 1000.4, "equal"),
        (None, 1000.0, "not available: both joints are needed"),
    ],
)
def test_the_asymmetry_in_words_has_index_direction_and_ratio(
    left: float | None, right: float, said: str
):
    assert words.asymmetry_in_words(Asymmetry.between(left, right)) == said


@pytest.mark.parametrize(
    ("left", "right", "half", "said"),
    [
        (1100.0, 900.0, 4.0, "asymmetry index 10.0 ± 4.0 % (L > R); L is 1.22 × R"),
        (1100.0, 900.0, 10.5, "asymmetry index 10.0 ± 10.5 %: no measurable difference"),
        (1000.0, 1000.4, 2.0, "asymmetry index 0.0 ± 2.0 %: no measurable difference"),
        (1000.0, 0.0, math.nan, "asymmetry index 100.0 % (L > R)"),
        (None, 1000.0, None, "not available: both joints are needed"),
    ],
)
def test_no_side_is_called_larger_by_less_than_the_interval(
    left: float | None, right: float, half: float | None, said: str
):
    asymmetry = Asymmetry.between(left, right)
    assert words.asymmetry_in_words(asymmetry, half) == said
    assert (words.larger(asymmetry, half) == "neither larger") == said.endswith("difference")


@pytest.mark.parametrize(
    ("provider", "said"),
    [("CPU (libcuda.so.1 is not there)", "CPU"), ("CUDA", "GPU"), ("CPU and CUDA", "CPU")],
)
def test_where_the_networks_ran_is_one_word(provider: str, said: str):
    assert words.device(provider) == said


def test_all_three_asymmetries_stand_with_their_formulas():
    assert list(words.asymmetry_figures(Asymmetry.between(900.0, 1100.0))) == [
        ("(L-R)/(L+R)", "-0.100"),
        ("100·|L-R|/(L+R)", "10.0 %"),
        ("100·|L-R|/((L+R)/2)", "20.0 %"),
    ]


@pytest.mark.parametrize(
    ("half", "said"), [(None, "L is 1.06 × R"), (2.0, "L is 1.06 × R"), (4.0, "equal within ±")]
)
def test_no_side_is_called_larger_by_a_ratio_within_the_interval(half: float | None, said: str):
    assert words.ratio(Asymmetry.between(1060.0, 1000.0), half) == said
