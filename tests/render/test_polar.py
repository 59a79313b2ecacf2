from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from negvol_cli.render.polar import CORONAL, SAGITTAL, diagrams, profile
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import HEAD_CENTRE

MakeView = Callable[..., JointView]


def paint(view: JointView, space_of: Callable[[np.ndarray], np.ndarray]) -> JointView:
    offset = view.geometry.condyle.points_mm - HEAD_CENTRE
    view.geometry.joint_space_mm[:] = space_of(offset / np.linalg.norm(offset, axis=1)[:, None])
    return view


def test_the_sagittal_arc_runs_from_anterior_over_superior_to_posterior(make_view: MakeView):
    view = paint(make_view(Side.LEFT), lambda way: 3.0 + 2.0 * way[:, 1])
    medians = profile(view, SAGITTAL)

    assert medians[0] == pytest.approx(1.0, abs=0.4)
    assert medians[-1] == pytest.approx(5.0, abs=0.4)
    assert list(medians) == sorted(medians)


@pytest.mark.parametrize("side", list(Side))
def test_the_coronal_arc_starts_laterally_on_either_side(make_view: MakeView, side: Side):
    view = paint(make_view(side), lambda way: 3.0 + 2.0 * way[:, 0])
    medians = profile(view, CORONAL)

    assert medians[0] == pytest.approx(5.0, abs=0.4)
    assert medians[-1] == pytest.approx(1.0, abs=0.4)


def test_where_no_normal_ends_on_bone_the_curve_is_broken(make_view: MakeView):
    view = paint(make_view(Side.RIGHT), lambda way: np.where(np.abs(way[:, 1]) > 0.6, 2.0, np.nan))
    (sagittal, *_) = diagrams({Side.RIGHT: view}, Side)
    (curve,) = sagittal.curves

    assert curve.side == "right"
    assert curve.path.count("M") == 2


def test_beyond_the_scale_a_point_lies_on_the_outer_ring(make_view: MakeView):
    view = paint(make_view(Side.LEFT), lambda way: np.full(len(way), 50.0))
    (sagittal, _) = diagrams({Side.LEFT: view}, Side)
    (curve,) = sagittal.curves
    away = np.linalg.norm(np.array(curve.points) - sagittal.centre, axis=1)

    assert away == pytest.approx(sagittal.radius, abs=0.2)


def test_without_any_joint_space_there_is_no_diagram(make_view: MakeView):
    view = paint(make_view(Side.LEFT), lambda way: np.full(len(way), np.nan))

    assert diagrams({Side.LEFT: view}, Side) == ()
    assert diagrams({}, Side) == ()
