"""The axis of a process whose axis is known: solids of revolution, tilted on purpose."""

from __future__ import annotations

import re

import numpy as np
import pytest

from negvol_cli.errors import NoCondyleError
from negvol_cli.mesh.distance import lattice, nodes
from negvol_cli.settings import HeadSettings
from negvol_cli.steps.process_axis import Axis, process_axis
from tests.steps.solids import turn

GRID = lattice((-32, -32, -40), (31.5, 31.5, 23.5), 0.5)
POINTS = nodes(GRID)


UPRIGHT = np.eye(3)


def process(rotation=UPRIGHT, *, length=40.0, wide=1.0, place=(0.0, 0.0, 0.0)):
    """A round head of 6 mm, ``wide`` times as wide along x, on a neck of 4 mm; turned, a mask."""
    x, y, z = ((POINTS - place) @ rotation).T
    head = (x / wide) ** 2 + y**2 + z**2 <= 36.0
    neck = (np.hypot(x, y) <= 4.0) & (z <= 0.0) & (z >= -length)
    return (head | neck).reshape(GRID.shape_zyx)


def axis_of(mask, start=(0.0, 0.0, 0.0), seen=None):
    return process_axis(mask, GRID, start, HeadSettings(), seen)


def apart_degrees(one, two):
    return np.degrees(np.arccos(np.clip(np.dot(one, two), -1.0, 1.0)))


@pytest.mark.parametrize("degrees", [-25.0, -15.0, 0.0, 15.0, 25.0])
@pytest.mark.parametrize("about", ["x", "y"])
@pytest.mark.parametrize("wide", [1.0, 1.7])
def test_the_axis_of_a_tilted_process_is_found_within_1_degree(about, degrees, wide):
    rotation = turn(about, degrees)
    found = axis_of(process(rotation, wide=wide, place=(1.0, -2.0, 3.0)))

    assert found.own
    assert found.doubts == ()
    assert apart_degrees(found.up, rotation @ (0.0, 0.0, 1.0)) < 1.0
    assert found.across(np.array([[1.0, -2.0, 3.0]]))[0] < 0.2


def test_where_the_search_began_leaves_no_trace():
    mask = process(turn("y", 12.0), wide=1.6)
    ways = [axis_of(mask, start) for start in ((0, 0, 0), (5, -4, 2), (-6, 5, -3))]

    for way in ways[1:]:
        assert way.up == pytest.approx(ways[0].up, abs=1e-5)
        assert way.through_mm == pytest.approx(ways[0].through_mm, abs=1e-4)


def test_a_head_as_flat_as_a_roof_does_not_draw_the_axis_to_its_pole():
    """Twice as wide as it is high, and its one pole 1 mm higher: it must not topple over."""
    x, y, z = POINTS.T
    head = (np.abs(x) <= 11.0) & (np.abs(y) <= 4.0) & (z <= 3.0 + x / 11.0) & (z >= -5.0)
    neck = (np.hypot(x, y) <= 4.0) & (z <= 0.0)

    found = axis_of((head | neck).reshape(GRID.shape_zyx))

    assert found.own
    assert apart_degrees(found.up, (0.0, 0.0, 1.0)) < 2.0


@pytest.mark.parametrize(
    ("length", "own", "said"),
    [
        (40.0, True, None),
        (17.0, True, "in view to 1[67] mm"),
        (12.0, False, "too little of the ramus"),
    ],
)
def test_how_much_of_the_ramus_is_in_view_is_said(length, own, said):
    found = axis_of(process(turn("y", 10.0), length=length))

    assert found.own is own
    if said is None:
        assert found.doubts == ()
    else:
        (doubt,) = found.doubts
        assert re.search(said, doubt)
    if not own:
        assert found.up == (0.0, 0.0, 1.0)


def test_bone_at_the_edge_of_what_was_scanned_is_not_taken_for_the_end_of_the_process():
    """A slanting cut through the neck would draw its centroid aside; a sphere does not."""
    mask = process(turn("y", 10.0))
    x, _, z = POINTS.T
    seen = (z >= -18.0 + 0.5 * x).reshape(GRID.shape_zyx)

    found = axis_of(mask & seen, seen=seen)

    assert found.own
    assert 15.0 <= found.seen_mm < 19.0
    assert apart_degrees(found.up, turn("y", 10.0) @ (0.0, 0.0, 1.0)) < 1.5


def test_a_process_that_lies_on_its_side_is_not_believed():
    found = axis_of(process(turn("x", 75.0)))

    assert not found.own
    assert found.up == (0.0, 0.0, 1.0)


def test_directions_are_at_right_angles_and_posterior_is_the_scans():
    axis = Axis(tuple(turn("x", 20.0) @ turn("y", -10.0) @ (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0))
    lateral, posterior, up = axis.directions

    np.testing.assert_allclose(axis.directions @ axis.directions.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(posterior, up), lateral, atol=1e-12)
    assert posterior[1] > 0.9
    assert lateral[0] > 0.9
    assert tuple(up) == axis.up
    np.testing.assert_allclose(Axis((0.0, 0.0, 1.0), (0, 0, 0)).directions, np.eye(3), atol=1e-12)


def test_along_and_across_measure_from_the_axis():
    axis = Axis((0.6, 0.0, 0.8), (1.0, 2.0, 3.0))
    point = np.array([[1.0, 2.0, 3.0]]) + 4.0 * np.array([0.6, 0.0, 0.8]) + (0.0, 5.0, 0.0)

    assert axis.along(point) == pytest.approx([4.0])
    assert axis.across(point) == pytest.approx([5.0])


def test_an_empty_mask_is_refused_with_a_sentence():
    with pytest.raises(NoCondyleError, match="no mandible was segmented within 40 mm"):
        axis_of(np.zeros(GRID.shape_zyx, dtype=bool))


SMALL = lattice((-20, -20, -20), (20, 20, 20), 2.0)


@pytest.mark.parametrize("seed", range(60))
def test_any_mask_ends_in_an_axis_or_in_a_sentence(seed):
    """Boxes anywhere: touching borders, one voxel, hollow rings, nothing at all."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SMALL.shape_zyx, dtype=bool)
    for _ in range(rng.integers(0, 5)):
        low = rng.integers(0, 21, 3)
        mask[tuple(slice(a, a + n) for a, n in zip(low, rng.integers(1, 22, 3), strict=True))] ^= (
            True
        )
    try:
        found = process_axis(mask, SMALL, tuple(rng.uniform(-25, 25, 3)), HeadSettings())
    except NoCondyleError:
        assert not mask.any()
        return

    assert np.isfinite([*found.up, *found.through_mm]).all()
    assert np.linalg.norm(found.up) == pytest.approx(1.0)
