from __future__ import annotations

import pytest

from negvol_cli.comparison.report import CLAIMED_HALVES, Change


def test_a_change_is_after_less_before_with_both_intervals():
    change = Change.between((10.0, 3.0), (18.0, 4.0))

    assert (change.before, change.after, change.change) == (10.0, 18.0, 8.0)
    assert change.half_95 == 5.0


@pytest.mark.parametrize(("after", "claimed"), [(7.4, False), (7.6, True), (-7.6, True)])
def test_a_change_is_claimed_beyond_one_and_a_half_halves(after: float, claimed: bool):
    assert CLAIMED_HALVES == 1.5
    assert Change.between((0.0, 3.0), (after, 4.0)).claimed is claimed


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [((None, 1.0), (5.0, 1.0), None), ((4.0, None), (5.0, 1.0), 1.0)],
)
def test_without_a_figure_or_its_interval_nothing_is_claimed(before, after, change):
    found = Change.between(before, after)

    assert found.change == change
    assert found.half_95 is None
    assert found.claimed is None
