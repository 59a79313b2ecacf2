from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.phantom import CondyleChange, changed, draw_head
from negvol_cli.structures import Label, Side


@pytest.fixture(scope="module")
def head():
    return draw_head(11, right_space_mm=4.0, left_space_mm=4.0, open_mm=0.0).straightened()


def about(head, side: Side, reach_mm: float = 8.0, count: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.array(head.condyle_centre_mm(side)) + rng.uniform(-reach_mm, reach_mm, (count, 3))


@pytest.mark.parametrize("side", Side)
def test_a_condyle_goes_where_it_is_put(head, side: Side):
    shift = np.array([0.7, -1.5, -1.0])
    after = changed(head, side, CondyleChange(shift_mm=tuple(shift), turn_degrees=(0, 0, 4.0)))
    lateral = np.diag([1.0 if side is Side.LEFT else -1.0, 1.0, 1.0])
    axes = np.array(head.pose.turn).reshape(3, 3) @ lateral
    centre = np.array(head.condyle_centre_mm(side))
    points = about(head, side)
    turn = axes @ CondyleChange(turn_degrees=(0, 0, 4.0)).turn @ axes.T
    moved = (points - centre) @ turn.T + centre + axes @ shift

    assert np.subtract(after.condyle_centre_mm(side), centre) == pytest.approx(axes @ shift)
    assert after.solid(Label.CONDYLE)(moved) == pytest.approx(
        head.solid(Label.CONDYLE)(points), abs=1e-6
    )


def test_the_cranium_and_the_other_condyle_stay(head):
    change = CondyleChange(shift_mm=(0.0, -1.0, -1.5), worn_mm=1.0)
    after = changed(head, Side.LEFT, change)
    far = about(head, Side.RIGHT, 20.0)
    near = about(head, Side.LEFT, 20.0)
    clear = head.solid(Label.CONDYLE)(near) > 6.0

    bone, condyle = Label.TEMPORAL_BONE, Label.CONDYLE
    assert np.array_equal(after.solid(condyle)(far), head.solid(condyle)(far))
    assert after.solid(bone)(near[clear]) == pytest.approx(head.solid(bone)(near[clear]))


def test_a_worn_head_is_a_millimetre_lower_and_else_the_same(head):
    after = changed(head, Side.RIGHT, CondyleChange(worn_mm=1.0))
    points = about(head, Side.RIGHT, 10.0, 60_000)
    was, now = (h.solid(Label.CONDYLE)(points) < 0 for h in (head, after))
    up = np.array(head.pose.turn).reshape(3, 3)[:, 2]

    assert not (now & ~was).any()
    assert (points[was] @ up).max() - (points[now] @ up).max() == pytest.approx(1.0, abs=0.2)
    assert (was & ~now).sum() > 50
    assert (points[was & ~now] @ up).min() > (points[now] @ up).max() - 1.0  # a rounded edge
