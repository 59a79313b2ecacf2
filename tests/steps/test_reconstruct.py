from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, crop
from negvol_cli.mesh.iso_surface import iso_surface, smooth_labels
from negvol_cli.steps.reconstruct import only_component, without_hollows, without_specks
from tests.steps.solids import ball_mm3

GRID = Grid((64, 64, 64), (0.5, 0.5, 0.5), (-15.75, -15.75, -15.75))


def radius_zyx(centre=(0.0, 0.0, 0.0), grid=GRID):
    z, y, x = np.indices(grid.shape_zyx)
    points = grid.to_world(np.stack([x, y, z], axis=-1))
    return np.linalg.norm(points - centre, axis=-1)


def soft_ball(radius, centre=(0.0, 0.0, 0.0)):
    return np.clip(0.5 + (radius - radius_zyx(centre)), 0, 1).astype(np.float32)


@pytest.mark.parametrize(("radius", "tolerance"), [(3.0, 0.02), (6.3, 0.005), (10.0, 0.002)])
def test_the_surface_of_a_soft_ball_lies_between_voxels(radius, tolerance):
    mesh = iso_surface(soft_ball(radius, (0.1, -0.2, 0.3)), GRID, 0.5)

    assert mesh.is_watertight
    assert mesh.volume_mm3 == pytest.approx(ball_mm3(radius), rel=tolerance)
    assert mesh.centroid_mm == pytest.approx((0.1, -0.2, 0.3), abs=0.01)


def test_a_surface_that_meets_the_border_is_closed_there():
    half = soft_ball(9.0, (15.75, 0.0, 0.0))

    mesh = iso_surface(half, GRID, 0.5)

    assert mesh.is_watertight
    assert mesh.points_mm[:, 0].max() <= 15.75 + 0.5
    assert mesh.volume_mm3 == pytest.approx(ball_mm3(9.0) / 2, rel=0.05)


@pytest.mark.parametrize("values", [0.0, 0.3])
def test_what_never_reaches_the_level_has_no_surface(values):
    assert iso_surface(np.full((5, 5, 5), values), GRID, 0.5).is_empty


def test_values_that_lie_on_the_level_leave_no_gaps():
    """A ball in mm whose surface runs through lattice points, as clips and planes do."""
    mesh = iso_surface(7.5 - radius_zyx((0.25, 0.25, 0.25)), GRID, 0.0)

    assert mesh.is_watertight
    assert mesh.volume_mm3 == pytest.approx(ball_mm3(7.5), rel=0.005)


def test_smoothed_labels_keep_the_volume_of_the_voxels():
    mask = radius_zyx() <= 7.0

    mesh = iso_surface(smooth_labels(mask, 0.5), GRID, 0.5)

    assert mesh.volume_mm3 == pytest.approx(mask.sum() * 0.125, rel=0.01)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_roof_of_one_or_two_voxels_survives_smoothing(layers):
    mask = np.zeros(GRID.shape_zyx, dtype=bool)
    mask[30 : 30 + layers] = True

    probability = smooth_labels(mask, 0.5)

    assert (probability[30 : 30 + layers] >= 0.5).all()
    assert iso_surface(probability, GRID, 0.5).is_watertight


def test_specks_go_and_bones_stay():
    bone, speck = soft_ball(6.0, (-6.0, 0, 0)), soft_ball(1.2, (8.0, 0, 0))

    kept = without_specks(np.maximum(bone, speck), GRID.voxel_mm3)

    assert np.array_equal(kept >= 0.5, bone >= 0.5)


def test_only_the_component_that_was_asked_for_stays():
    one, other = soft_ball(4.0, (-6.0, 0, 0)), soft_ball(5.0, (7.0, 0, 0))

    kept = only_component(np.maximum(one, other), (32, 32, 20))

    assert np.array_equal(kept >= 0.5, one >= 0.5)


def hollow_ball(radius=8.0, cortex=1.0):
    return soft_ball(radius) - soft_ball(radius - cortex)


def test_a_closed_hollow_is_filled():
    hollow = soft_ball(8.0) - soft_ball(3.0)

    assert np.array_equal(without_hollows(hollow, 0.5) >= 0.5, soft_ball(8.0) >= 0.5)


@pytest.mark.parametrize("axis", range(3))
def test_marrow_is_filled_though_a_slit_opens_it_in_every_slice(axis):
    slit = np.moveaxis(hollow_ball(), axis, 0)
    slit[:, 30:34, 32:] = 0.0  # 2 mm wide and open from end to end
    slit = np.moveaxis(slit, 0, axis)
    marrow = (soft_ball(6.0) >= 0.5) & (slit < 0.5)

    filled = without_hollows(np.ascontiguousarray(slit), 0.5) >= 0.5

    assert filled[marrow].mean() > 0.95
    assert not filled[soft_ball(8.0) < 0.5].any()


def test_marrow_that_the_border_cuts_open_below_is_filled():
    z, y, x = np.indices(GRID.shape_zyx)
    across = np.hypot(x - 31.5, y - 31.5) * 0.5
    ramus = ((across <= 8.0) & (z < 50)).astype(np.float32)
    marrow = (across < 6.5) & (z < 47)

    filled = without_hollows(np.where(marrow, np.float32(0.0), ramus), 0.5)

    assert np.array_equal(filled, ramus)


@pytest.mark.parametrize("radius", [4.0, 8.0])
def test_no_bone_bridges_the_hollow_of_a_neck(radius):
    """A block 24 mm high whose front is scooped out, three times as wide as deep."""
    z, y, x = np.indices(GRID.shape_zyx) * 0.5 - 15.75
    block = ((np.abs(x) <= 10) & (np.abs(z) <= 12) & (np.abs(y) <= 9)).astype(np.float32)
    neck = np.where(radius_zyx((0.0, -9.0 - 0.4 * radius, 0.0)) <= radius, np.float32(0.0), block)

    assert np.array_equal(without_hollows(neck, 0.5), neck)


def test_no_bone_bridges_the_notch_between_condyle_and_coronoid():
    z, y, x = np.indices(GRID.shape_zyx) * 0.5 - 15.75
    ramus = (np.abs(x) <= 4) & (np.abs(y) <= 14)
    notch = ramus & ((z < -6) | (np.abs(y) > 6))

    assert np.array_equal(without_hollows(notch.astype(np.float32), 0.5) >= 0.5, notch)


def test_a_condyle_that_is_not_there_is_not_filled():
    nothing = np.zeros((8, 8, 8), dtype=np.float32)

    assert not without_hollows(nothing, 0.5).any()


@pytest.mark.parametrize("centre", [(0.0, 0.0, 0.0), (14.0, -13.0, 3.0)])
def test_a_cropped_array_keeps_its_place_in_the_world(centre):
    values = np.random.default_rng([4, 1]).normal(size=GRID.shape_zyx)

    part, grid = crop(values, GRID, centre, 4.0)

    k, j, i = (n // 2 for n in part.shape)
    x, y, z = np.rint(GRID.to_index(grid.to_world((i, j, k)))).astype(int)
    assert part.shape == grid.shape_zyx
    assert part[k, j, i] == values[z, y, x]
