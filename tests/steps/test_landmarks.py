from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.errors import NegvolError, NoCondyleError
from negvol_cli.mesh.distance import Surface, lattice, nodes
from negvol_cli.settings import HeadSettings
from negvol_cli.steps.landmarks import (
    apex_of,
    condylar_head,
    condylar_process,
    condyle_seed,
)
from negvol_cli.steps.process_axis import Axis
from tests.steps.solids import arc, ball_mm3, both, disc, lathe, line, moved, sphere, turn

GRID = lattice((-32, -32, -32), (31.5, 31.5, 31.5), 0.5)


def ball(centre, radius):
    distance = np.linalg.norm(nodes(GRID) - centre, axis=1).reshape(GRID.shape_zyx)
    return distance <= radius


def post(x, y, top, radius=3.0, low=-32.0):
    px, py, pz = nodes(GRID).T
    inside = (np.hypot(px - x, py - y) <= radius) & (pz <= top) & (pz >= low)
    return inside.reshape(GRID.shape_zyx)


def mandible(condyle_top=5.0, coronoid_top=5.0):
    """A ramus with the condyle behind (+y) and the coronoid in front, joined at z = -10."""
    px, py, pz = nodes(GRID).T
    ramus = ((np.abs(px) <= 3) & (py > -18) & (py < 12) & (pz < -10)).reshape(GRID.shape_zyx)
    return ramus | post(0, 8, condyle_top) | post(0, -14, coronoid_top)


@pytest.mark.parametrize("coronoid_top", [-6.0, 5.0, 12.0])
def test_the_condylar_process_is_the_condyle_even_where_the_coronoid_stands_higher(coronoid_top):
    x, y, z = condylar_process(mandible(5.0, coronoid_top), GRID)

    assert (x, y, z) == pytest.approx((0.0, 8.0, 5.0), abs=0.6)


def test_a_condyle_apart_from_its_coronoid_is_still_the_condylar_process():
    apart = post(0, 8, 5.0, low=-10.0) | post(0, -14, 9.0, low=-10.0)

    assert condylar_process(apart, GRID)[1] == pytest.approx(8.0, abs=0.6)


def test_a_speck_and_a_bump_behind_the_condyle_are_no_processes():
    speck = ball((0.0, 25.0, 6.0), 1.5)
    bump = post(0, 13, -8.0, radius=2.0)  # 2 mm over the ramus

    assert condylar_process(mandible() | speck | bump, GRID)[1] == pytest.approx(8.0, abs=0.6)


def test_a_low_peak_far_under_the_top_is_no_process():
    assert condylar_process(mandible() | post(0, 25, -22.0), GRID)[1] == pytest.approx(8, abs=0.6)


def test_a_label_without_a_process_is_refused():
    with pytest.raises(NoCondyleError, match="no condylar process"):
        condylar_process(ball((0, 0, 0), 1.0), GRID)


def test_a_known_centre_leads_to_the_largest_piece_within_reach():
    """Not to a blob above it, nor to a bone beyond 12 mm."""
    pieces = ball((2, 0, 0), 6.0) | ball((0, 3, 14.0), 2.0) | ball((25, 0, 5), 6.5)

    x, y, z = condyle_seed(pieces, GRID, HeadSettings(), (0.0, 0.0, 0.0))

    assert (x, y, z) == pytest.approx((2.0, 0.0, 6.0), abs=0.6)


def test_no_condyle_within_reach_is_explained():
    with pytest.raises(NegvolError, match="within 12 mm of the joint's centre"):
        condyle_seed(ball((25, 0, 0), 6.0), GRID, HeadSettings(), (0.0, 0.0, 0.0))


def upright(*through_mm):
    return Axis((0.0, 0.0, 1.0), through_mm)


def test_the_apex_is_the_highest_point_within_reach_and_not_the_coronoid():
    low, high = sphere(5.0, 0.5), moved(sphere(5.0, 0.5), np.eye(3), (0.0, -20.0, 8.0))

    apex = apex_of(both(low, high), upright(1.0, 2.0, 0.0), 12.0)

    assert apex == pytest.approx((0.0, 0.0, 5.0), abs=1e-9)


@pytest.mark.parametrize("degrees", [-15.0, 15.0, 40.0])
def test_the_apex_lies_up_the_axis_and_not_up_the_scan(degrees):
    rotation = turn("y", degrees)
    up = rotation @ (0.0, 0.0, 1.0)
    body = moved(sphere(5.0, 0.25), rotation, (3.0, 0.0, 0.0))

    apex = apex_of(body, Axis(tuple(up), (3.0, 0.0, 0.0)), 12.0)

    assert apex == pytest.approx(tuple(5.0 * up + (3.0, 0.0, 0.0)), abs=0.05)


def test_a_surface_out_of_reach_has_no_apex():
    with pytest.raises(NoCondyleError, match="does not come within 12 mm"):
        apex_of(sphere(5.0, 0.5), upright(30.0, 0.0, 0.0), 12.0)


def head_of(body, axis, apex):
    return condylar_head(body, Surface(body), axis, apex, settings=HeadSettings(), spacing_mm=0.5)


def test_a_ball_of_10_mm_is_its_own_head():
    body = moved(sphere(5.0, 0.5), np.eye(3), (1.3, -2.1, 0.4))

    head = head_of(body, upright(1.3, -2.1, 0.4), (1.3, -2.1, 5.4))

    assert head.volume_mm3 == pytest.approx(ball_mm3(5.0), rel=0.015)
    assert head.centre_mm == pytest.approx((1.3, -2.1, 0.4), abs=0.02)
    assert head.of_condyle.mean() > 0.99
    assert head.mesh.is_watertight


def test_a_head_on_a_neck_ends_10_mm_under_its_apex():
    """A hemisphere of 6 mm on a cylinder as wide: 4 mm of the cylinder belong to the head."""
    outline = [*line((0, -30), (6, -30), 0.5), *line((6, -30), (6, 0), 0.5), *arc(6, 0, 90, 0.5)]
    body = lathe(outline, 0.5)

    head = head_of(body, upright(0.0, 0.0, 0.0), (0.0, 0.0, 6.0))

    cap, stump = ball_mm3(6.0) / 2, np.pi * 36 * 4
    assert head.volume_mm3 == pytest.approx(cap + stump, rel=0.01)
    z = (cap * 3 / 8 * 6 - stump * 2) / (cap + stump)
    assert head.centre_mm == pytest.approx((0.0, 0.0, z), abs=0.03)
    assert body.points_mm[head.of_condyle, 2].min() == pytest.approx(-4.0, abs=0.3)


@pytest.mark.parametrize(("axis", "degrees"), [("x", 15.0), ("y", -15.0), ("y", 40.0)])
def test_a_tilted_head_on_a_tilted_neck_has_the_same_head(axis, degrees):
    outline = [*line((0, -30), (6, -30), 0.5), *line((6, -30), (6, 0), 0.5), *arc(6, 0, 90, 0.5)]
    rotation = turn(axis, degrees)
    body = moved(lathe(outline, 0.5), rotation, (2.0, 1.0, -3.0))
    up = rotation @ (0.0, 0.0, 1.0)

    head = head_of(body, Axis(tuple(up), (2.0, 1.0, -3.0)), tuple(6.0 * up + (2.0, 1.0, -3.0)))

    cap, stump = ball_mm3(6.0) / 2, np.pi * 36 * 4
    along = (cap * 3 / 8 * 6 - stump * 2) / (cap + stump)
    assert head.volume_mm3 == pytest.approx(cap + stump, rel=0.01)
    assert head.centre_mm == pytest.approx(tuple(along * up + (2.0, 1.0, -3.0)), abs=0.03)


def test_which_pole_of_a_flat_head_is_the_apex_changes_nothing():
    """Two knobs, 8 mm apart on either side: only the level of the higher counts."""
    left, right = (moved(sphere(6.0, 0.5), np.eye(3), (x, 0.0, 0.0)) for x in (-7.0, 7.0))
    body = both(left, right)

    one, two = (head_of(body, upright(0.0, 0.0, 0.0), (x, 0.0, 6.0)) for x in (-7.0, 7.0))

    assert one.volume_mm3 == two.volume_mm3
    assert one.centre_mm == two.centre_mm


def test_what_rises_above_the_apex_beside_it_neither_ends_in_an_error_nor_counts():
    """A wall 13 mm off, taken for bone of the condyle, went past the lattice about the head."""
    wall = moved(disc(0.9, -5.0, 30.0, 0.4), np.eye(3), (12.95, 0.0, 0.0))
    body = both(sphere(5.0, 0.5), wall)

    head = head_of(body, upright(0.0, 0.0, 0.0), (0.0, 0.0, 5.0))

    assert head.volume_mm3 == pytest.approx(ball_mm3(5.0), rel=0.015)
    assert not head.of_condyle[len(sphere(5.0, 0.5).points_mm) :].any()


def test_a_plate_wider_than_the_head_may_be_is_cut_14_mm_from_the_axis():
    body = disc(20.0, 0.0, 4.0, 0.8)

    head = head_of(body, upright(0.0, 0.0, 0.0), (0.0, 0.0, 4.0))

    assert head.volume_mm3 == pytest.approx(np.pi * 14**2 * 4, rel=0.01)


def test_what_is_not_connected_within_the_head_does_not_belong_to_it():
    """Two discs, one 4 mm under the other, joined by nothing."""
    upper, lower = disc(6.0, 0.0, 3.0, 0.6), disc(6.0, -7.0, -4.0, 0.6)
    body = both(upper, lower)

    head = head_of(body, upright(0.0, 0.0, 0.0), (0.0, 0.0, 3.0))

    assert head.volume_mm3 == pytest.approx(np.pi * 36 * 3, rel=0.03)
    assert not head.of_condyle[len(upper.points_mm) :].any()
