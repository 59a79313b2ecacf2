from dataclasses import replace

import numpy as np
import pytest
import torch

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.ct_checks import check_ct
from training.augment.cone_beam import (
    ConeBeamSettings,
    Cylinder,
    Exposure,
    cover_tile,
    draw_exposure,
    expose_tile,
    simulate_cone_beam,
)

PLAIN = ConeBeamSettings(
    voxel_mm=1.0,
    diameter_mm=100.0,
    height_mm=40.0,
    cupping=0.0,
    rim_hu=0.0,
    rings_hu=0.0,
    streaks_hu=0.0,
    noise_hu=0.0,
    blur_mm=0.0,
    limits_hu=(-5000.0, 5000.0),
    padding_hu=-3024.0,
)
"""A machine that adds nothing but its field of view."""


def water_head(radius_mm: float = 80.0, hu: float = 0.0) -> Volume:
    """An upright cylinder of ``hu`` in air, 200 x 200 x 60 mm in 2 mm voxels, about the origin."""
    axis = np.arange(100) * 2.0 - 99.0
    disc = np.hypot(axis, axis[:, None]) <= radius_mm
    values = np.broadcast_to(np.where(disc, hu, -1000.0), (30, 100, 100)).astype(np.float32)
    return Volume(values, Grid((100, 100, 30), (2.0,) * 3, (-99.0, -99.0, -29.0)))


def away_mm(volume: Volume) -> np.ndarray:
    """(y, x): distance of a column from the middle of the image."""
    y, x = np.indices(volume.values_zyx.shape[1:])
    height, width = volume.values_zyx.shape[1:]
    return np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) * volume.grid.spacing_mm_xyz[0]


def test_outside_the_cylinder_stands_one_value_and_inside_the_ct():
    scan = simulate_cone_beam(water_head(), 1, PLAIN)
    inside = away_mm(scan) <= 50.0

    assert scan.values_zyx.shape == (40, 100, 100)
    assert (scan.values_zyx[:, ~inside] == -3024).all()
    assert (scan.values_zyx[:, inside] == 0).all()


def test_the_cylinder_ends_as_far_behind_and_above_the_joints_as_asked():
    joints = np.array([[-30.0, 40.0, -5.0], [30.0, 40.0, -5.0]])
    machine = replace(PLAIN, behind_mm=10.0, above_mm=20.0)

    grid = simulate_cone_beam(water_head(), 1, machine, joints_mm=joints).grid

    corners = grid.corners_mm()
    assert corners[:, 2].max() == pytest.approx(15.0)
    assert corners[:, 2].min() == pytest.approx(-25.0)
    axis = (corners[:, :2].min(axis=0) + corners[:, :2].max(axis=0)) / 2
    for side in (-30.0, 30.0):
        assert np.hypot(side - axis[0], 40.0 + 10.0 - axis[1]) == pytest.approx(50.0)
    assert axis[1] < 40.0


def test_a_cylinder_too_narrow_for_both_joints_takes_one():
    joints = np.array([[-50.0, 0.0, 0.0], [50.0, 0.0, 0.0]])
    machine = replace(PLAIN, diameter_mm=60.0, behind_mm=20.0)

    low, high = (
        f(simulate_cone_beam(water_head(), 3, machine, joints_mm=joints).grid.corners_mm(), axis=0)
        for f in (np.min, np.max)
    )

    seen = [bool((low[:2] < joint[:2]).all() and (joint[:2] < high[:2]).all()) for joint in joints]
    assert sorted(seen) == [False, True]


def test_scatter_takes_its_share_of_attenuation_in_the_middle_and_less_outwards():
    scan = simulate_cone_beam(water_head(95.0), 1, replace(PLAIN, cupping=0.2))
    away = away_mm(scan)
    image = scan.values_zyx[20]

    assert image[away < 5].mean() == pytest.approx(-200, abs=10)
    assert image[away < 5].mean() < image[(away > 25) & (away < 30)].mean() - 1
    assert image[(away > 25) & (away < 30)].mean() < image[(away > 45) & (away < 49)].mean() - 5


@pytest.mark.parametrize("noise_hu", [60.0, 150.0])
def test_the_noise_has_the_standard_deviation_that_was_asked_for_and_a_grain(noise_hu):
    machine = replace(PLAIN, noise_hu=noise_hu, grain_mm=2.0)
    scan = simulate_cone_beam(water_head(), 4, machine)
    noise = scan.values_zyx[:, 20:80, 20:80].astype(float)

    assert noise.std() == pytest.approx(noise_hu, rel=0.03)
    assert np.corrcoef(noise[..., :-1].ravel(), noise[..., 1:].ravel())[0, 1] > 0.5
    assert abs(np.corrcoef(noise[..., :-8].ravel(), noise[..., 8:].ravel())[0, 1]) < 0.05


def test_gain_and_offset_shift_the_intensities_and_the_limits_clip_them():
    machine = replace(PLAIN, gain=0.6, offset_hu=-300.0)

    assert simulate_cone_beam(water_head(hu=500.0), 1, machine).values_zyx[5, 50, 50] == 0
    machine = replace(machine, limits_hu=(-1000.0, -100.0))
    assert simulate_cone_beam(water_head(hu=500.0), 1, machine).values_zyx[5, 50, 50] == -100


def test_the_rim_is_brighter_and_nothing_else():
    scan = simulate_cone_beam(water_head(), 1, replace(PLAIN, rim_hu=300.0))
    away = away_mm(scan)

    assert scan.values_zyx[5][(away > 48.5) & (away <= 50)].mean() == pytest.approx(260, abs=40)
    assert abs(scan.values_zyx[5][away < 20].mean()) < 2


def test_rings_are_the_same_all_round_and_strongest_near_the_axis():
    scan = simulate_cone_beam(water_head(), 1, replace(PLAIN, rings_hu=50.0))
    values = scan.values_zyx.astype(float)
    away = away_mm(scan).astype(int)
    rings = np.array([[image[away == r].mean() for r in range(49)] for image in values])
    rest = [image[away == r].std() for image in values for r in range(5, 45)]

    assert np.mean(rest) < 0.7 * rings.std()
    assert rings[:, :10].std() > 1.3 * rings[:, 39:].std()


def test_metal_throws_rays_in_its_own_slices_only():
    head = water_head()
    head.values_zyx[4:6, 20:23, 49:52] = 3071.0

    plain, streaky = (
        simulate_cone_beam(head, 1, replace(PLAIN, diameter_mm=160, height_mm=60, streaks_hu=hu))
        for hu in (0.0, 150.0)
    )

    change = np.abs(streaky.values_zyx.astype(float) - plain.values_zyx)
    assert change[10].mean() > 10
    assert change[40:].max() == 0


def test_the_same_seed_gives_the_same_scan_and_another_seed_another():
    machine = replace(PLAIN, noise_hu=50.0, rings_hu=20.0)
    first, again, other = (
        simulate_cone_beam(water_head(), seed, machine).values_zyx for seed in (5, 5, 6)
    )

    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("seed", range(10))
def test_intensities_of_any_machine_that_is_drawn_pass_for_a_ct(seed):
    head = water_head(70.0, 40.0)
    head.values_zyx[:, 30:34, 30:70] = 1200.0
    head.values_zyx[:, 48:53, 48:53] = -1000.0
    machine = replace(ConeBeamSettings.draw(np.random.default_rng(seed)), voxel_mm=1.5)

    check_ct(simulate_cone_beam(head, seed, machine))


@pytest.mark.parametrize("seed", range(6))
def test_a_tile_has_air_beyond_the_scan_and_the_joints_near_the_fields_edge(seed):
    joints = np.array([[-50.0, 20.0, 0.0], [50.0, 20.0, 0.0]])

    exposure = draw_exposure(joints, np.random.default_rng(seed), 4.0)
    head, noise = torch.zeros(64, 64, 64), torch.zeros(64, 64, 64)
    tile = cover_tile(expose_tile(head, exposure, noise, 4.0), exposure, 4.0)

    assert (tile[0] == -1000).all()
    assert (tile[:, 0] == -1000).all()
    depth = [exposure.field.depth(joint) for joint in joints]
    assert 0 < max(depth) <= 45


def test_a_tile_gets_the_machines_gain_offset_and_noise_and_its_padding_beside_the_field():
    machine = replace(PLAIN, gain=0.5, offset_hu=200.0, noise_hu=10.0, padding_hu=-333.0)
    exposure = Exposure(machine, Cylinder(0.0, 0.0, 60.0, -60.0, 60.0))
    noise = torch.randn(40, 40, 40, generator=torch.Generator().manual_seed(1))

    seen = expose_tile(torch.full((40, 40, 40), 100.0), exposure, noise, 4.0)
    tile = cover_tile(seen, exposure, 4.0)

    assert float(seen.mean()) == pytest.approx(250.0, abs=1.0)
    assert float(seen.std()) == pytest.approx(10.0, rel=0.05)
    assert float(tile[20, 20, 20]) == float(seen[20, 20, 20])
    assert float(tile[20, 6, 6]) == -333.0  # 76 mm from the axis, inside its bounding box
    assert float(tile[20, 20, 0]) == -1000.0


def test_depth_in_a_cylinder_is_the_way_to_its_nearest_face():
    field = Cylinder(10.0, 0.0, 50.0, -40.0, 30.0)

    assert field.depth(np.array([10.0, 0.0, 0.0])) == 30.0
    assert field.depth(np.array([-35.0, 0.0, 0.0])) == 5.0
    assert field.depth(np.array([10.0, 0.0, -42.0])) == -2.0


@pytest.mark.parametrize(
    ("key", "value"), [("voxel_mm", 0.0), ("cupping", 1.0), ("noise_hu", -1.0)]
)
def test_an_impossible_machine_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=key):
        replace(PLAIN, **{key: value})
