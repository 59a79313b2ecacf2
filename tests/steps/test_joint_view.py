"""What is drawn of a joint once it was judged."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.report import Check, JointReport, Status
from negvol_cli.steps.joint_view import JointView, as_judged
from negvol_cli.structures import Label, Side
from tests.steps.made_joints import RIGHT, ball, measured, socket


@pytest.fixture(scope="module")
def view(backend) -> JointView:
    geometry = measured(ball(6.0), socket(8.5, 12.0), backend, frame=RIGHT)
    return JointView(geometry, np.zeros(geometry.labels_zyx.shape, dtype=np.float32))


def check(*, passed: bool, where: tuple[float, float, float] | None) -> Check:
    return Check(
        name="hollow_mm3", value=80.0, least=None, most=15.0, passed=passed, where_mm_xyz=where
    )


@pytest.mark.parametrize("status", [Status.OK, Status.CUT])
def test_a_joint_that_has_figures_is_drawn_with_them(view, status):
    assert as_judged(view, JointReport(side=Side.RIGHT, status=status)) is view


def test_nothing_can_be_counted_or_read_off_an_implausible_joint(view):
    joint = JointReport(side=Side.RIGHT, status=Status.IMPLAUSIBLE)
    shown = as_judged(view, joint).geometry

    assert not (shown.labels_zyx == Label.NEGATIVE_VOLUME).any()
    assert np.isnan(shown.joint_space_mm).all()
    for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
        kept, before = shown.labels_zyx == label, view.geometry.labels_zyx == label
        assert np.array_equal(kept, before)


def test_the_first_place_that_failed_is_marked_in_the_frame(view):
    checks = (
        check(passed=True, where=(0.0, 0.0, 0.0)),
        check(passed=False, where=None),
        check(passed=False, where=(-49.0, 11.0, -18.0)),
    )
    joint = JointReport(side=Side.RIGHT, status=Status.IMPLAUSIBLE, checks=checks)

    assert as_judged(view, joint).mark_mm == pytest.approx((4.0, 1.0, 2.0))
