"""Cortex is dimmer towards the top of the condyle, as on real heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from negvol_cli.phantom import CondyleChange, changed, draw_head
from negvol_cli.phantom.paint import DIMMER, DIMMER_OVER_MM, Dimming
from negvol_cli.phantom.probe import surface_cloud
from negvol_cli.phantom.soft import MUSCLE_HU
from negvol_cli.structures import Label, Side

INSIDE_MM = 0.3
"""In the cortex, 0.7 mm thick or more."""


def about(centre_mm, reach_mm, count=60_000):
    rng = np.random.default_rng(1)
    return np.array(centre_mm) + rng.uniform(-reach_mm, reach_mm, (count, 3))


def in_cortex(head, side):
    """Points in the cortex about one condyle, and their depth below its top along the head's z."""
    centre = np.array(head.condyle_centre_mm(side))
    cloud = surface_cloud(head.solid(Label.CONDYLE), centre, 16.0, 0.5)
    points = cloud.points - INSIDE_MM * cloud.normals
    top = head.pose.samples(cloud.points, np.float64).z.max()
    return points, top - head.pose.samples(points, np.float64).z


def share(head, points):
    """What the cortex shows there: its step from soft tissue over that of thick cortex."""
    hu = head.hu(points, 0.02)
    return (hu - MUSCLE_HU) / (head.intensities.cortex_hu - MUSCLE_HU)


@pytest.mark.parametrize("side", list(Side))
def test_a_condyles_cortex_is_dimmest_at_the_top_and_whole_farther_down(head, side):
    points, depth = in_cortex(head, side)
    dimming = head.intensities.dimming
    usual = 1 - dimming.at_top * np.clip(1 - depth / dimming.over_mm, 0, 1)

    off = np.abs(share(head, points) - usual)

    assert depth.max() > dimming.over_mm
    assert np.quantile(off, 0.95) < 0.01  # some points lie in pits narrower than the cortex


def test_heads_differ_and_the_same_seed_dims_alike():
    drawn = [draw_head(seed).intensities.dimming for seed in range(30)]

    assert drawn[7] == draw_head(7).intensities.dimming
    for name, (low, high) in (("at_top", DIMMER), ("over_mm", DIMMER_OVER_MM)):
        values = [getattr(one, name) for one in drawn]
        assert low < min(values) < low + 0.2 * (high - low)
        assert high - 0.2 * (high - low) < max(values) < high


def test_nothing_but_the_condyle_is_dimmed(head):
    dimmed, even = (
        replace(head, intensities=replace(head.intensities, dimming=dimming))
        for dimming in (Dimming(at_top=0.4, over_mm=20.0), Dimming(at_top=0.0, over_mm=20.0))
    )
    cx, cy, cz = head.left.centre_mm
    points = about(head.pose.to_world((cx, cy - 14.0, cz)), 26.0)
    away = head.pose.samples(points, np.float64)
    across = np.hypot(away.x - cx, away.y - cy)
    mandible = head.solid(Label.CONDYLE)(points)
    coronoid = (mandible < 0) & (across > 16.0) & (away.z > cz - 14.0)

    same = dimmed.hu(points, 0.1) == even.hu(points, 0.1)

    assert coronoid.sum() > 20
    assert same[coronoid | (mandible > 0.1)].all()
    assert not same[mandible < -0.1].all()


def test_bone_keeps_its_brightness_where_a_condyle_was_moved():
    before = draw_head(11, left_space_mm=4.0, open_mm=0.0).straightened()
    after = changed(before, Side.LEFT, CondyleChange(shift_mm=(0.0, 0.0, -1.5)))
    points, depth = in_cortex(before, Side.LEFT)
    down = np.array(before.pose.turn).reshape(3, 3) @ (0.0, 0.0, -1.5)
    head_alone = depth < 6.0  # below, the neck of the moved condyle leans on the jaw that stayed

    was, now = share(before, points), share(after, points + down)

    assert now[head_alone] == pytest.approx(was[head_alone], abs=0.01)


def test_no_cortex_is_dimmer_than_the_marrow_in_it(head):
    intensities = replace(head.intensities, dimming=Dimming(at_top=1.0, over_mm=10.0))
    points, _ = in_cortex(head, Side.RIGHT)
    grain = intensities.grain.value(head.pose.samples(points, np.float64))

    hu = replace(head, intensities=intensities).hu(points, 0.02)

    assert (hu > intensities.marrow_hu + 120 * grain - 1.0).all()
    assert hu.min() < intensities.marrow_hu + 120 * grain.max()
