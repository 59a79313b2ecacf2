from __future__ import annotations

import subprocess
import sys
from itertools import permutations, product

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import CLEAN, ScanSettings, draw_head
from negvol_cli.structures import Side

ORIENTATIONS = list(product(permutations(range(3)), product([1, -1], repeat=3)))


def reoriented(grid: Grid, order: tuple[int, ...], signs: tuple[int, ...]) -> Grid:
    """The same voxels of ``grid``, its axes taken in another order and direction."""
    turn = np.zeros((3, 3))
    first = np.zeros(3)
    for new, (old, sign) in enumerate(zip(order, signs, strict=True)):
        turn[old, new] = sign
        first[old] = 0 if sign > 0 else grid.size_xyz[old] - 1
    origin = grid.to_world(first)
    return Grid(
        tuple(grid.size_xyz[o] for o in order),
        tuple(grid.spacing_mm_xyz[o] for o in order),
        tuple(origin.tolist()),
        tuple(turn.ravel().tolist()),
    )


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
def test_a_place_in_the_head_looks_the_same_however_the_scan_is_stored(
    head, cube_about, order, signs
):
    grid = cube_about(head.condyle_centre_mm(Side.LEFT), 24.0, 1.5)
    plain = head.scan(grid, CLEAN).values_zyx

    turned = reoriented(grid, order, signs)
    other = head.scan(turned, CLEAN).values_zyx

    z, y, x = np.indices(other.shape)
    places = turned.to_world(np.stack([x, y, z], axis=-1))
    i, j, k = np.rint(np.moveaxis(grid.to_index(places), -1, 0)).astype(int)
    assert np.abs(plain[k, j, i].astype(int) - other).max() <= 2


def test_a_place_in_the_head_looks_the_same_in_a_tilted_grid(head):
    rng = np.random.default_rng(0)
    c, s = np.cos(np.radians(20)), np.sin(np.radians(20))
    tilt = (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
    for offset in rng.uniform(-25, 25, (40, 3)):
        x, y, z = (np.array(head.condyle_centre_mm(Side.RIGHT)) + offset).tolist()
        one = Grid((1, 1, 1), (0.5, 0.5, 0.5), (x, y, z))
        other = Grid((1, 1, 1), (0.5, 0.5, 0.5), (x, y, z), tilt)

        straight, tilted = (head.scan(g, CLEAN).values_zyx[0, 0, 0] for g in (one, other))

        assert abs(int(straight) - int(tilted)) <= 2


def test_the_same_seeds_give_the_same_scan_and_others_another(cube_about):
    grid = cube_about(draw_head(5).condyle_centre_mm(Side.LEFT), 30.0, 1.5)
    first = draw_head(5).scan(grid, ScanSettings(), 1).values_zyx

    np.testing.assert_array_equal(first, draw_head(5).scan(grid, ScanSettings(), 1).values_zyx)
    assert (first != draw_head(5).scan(grid, ScanSettings(), 2).values_zyx).mean() > 0.5
    assert (first != draw_head(6).scan(grid, ScanSettings(), 1).values_zyx).mean() > 0.5


def test_a_thick_voxel_shows_the_mean_of_the_fine_ones_in_it(head, cube_about):
    centre = head.condyle_centre_mm(Side.LEFT)
    fine = head.scan(cube_about(centre, 48.0, 0.5), CLEAN).values_zyx.astype(float)
    coarse = head.scan(cube_about(centre, 48.0, 4.0), CLEAN).values_zyx
    expected = fine.reshape(12, 8, 12, 8, 12, 8).mean(axis=(1, 3, 5))

    assert abs((coarse - expected).mean()) < 12
    assert np.abs(coarse - expected).mean() < 45


def test_noise_has_the_strength_asked_for_and_changes_no_mean(head, cube_about):
    grid = cube_about(head.condyle_centre_mm(Side.LEFT), 40.0, 1.0)
    settings = ScanSettings(noise_hu=30.0, blur_mm=0.6)
    still = head.scan(grid, ScanSettings(noise_hu=0.0, blur_mm=0.6)).values_zyx.astype(float)

    noise = (head.scan(grid, settings, 4).values_zyx - still)[still > -900]

    assert noise.std() == pytest.approx(30.0, rel=0.04)
    assert abs(noise.mean()) < 1.0


def test_outside_a_round_field_of_view_stands_the_padding(head):
    x, y, z = head.condyle_centre_mm(Side.LEFT)
    grid = Grid((41, 41, 2), (2.0, 2.0, 2.0), (x - 40, y - 40, z))
    settings = ScanSettings(cylinder_mm=50.0, padding_hu=-2000.0)

    values = head.scan(grid, settings).values_zyx

    rows, columns = np.mgrid[-20:21, -20:21]
    outside = np.hypot(rows, columns) * 2.0 > 25.0
    assert (values[:, outside] == -2000).all()
    assert (values[:, ~outside] > -1100).all()


def test_metal_crowns_start_streaks_and_a_toothless_head_has_none(head):
    metal = np.array([t.crown.a for t in head.jaw.lower_teeth if t.metal])
    assert len(metal), "this head should have a metal crown"
    x, y, z = head.pose.to_world(tuple(metal[0]))
    grid = Grid((60, 60, 3), (1.5, 1.5, 1.5), (x - 45, y - 45, z - 1.5))
    streaky = ScanSettings(noise_hu=0.0, streaks_hu=400.0)
    toothless = draw_head(3, open_mm=0.0, teeth=False)

    change = head.scan(grid, streaky).values_zyx - head.scan(grid, CLEAN).values_zyx.astype(int)
    assert change.std() > 40
    assert toothless.scan(grid, CLEAN).values_zyx.max() < 1900
    np.testing.assert_array_equal(
        toothless.scan(grid, streaky).values_zyx,
        toothless.scan(grid, ScanSettings(noise_hu=0.0)).values_zyx,
    )


@pytest.mark.parametrize(
    "wrong", [{"noise_hu": -1.0}, {"blur_mm": -0.5}, {"cylinder_mm": 0.0}, {"gain": 0.0}]
)
def test_settings_that_no_scanner_has_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ScanSettings(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"left_space_mm": 0.1}, {"right_space_mm": 9.0}, {"open_mm": 40}]
)
def test_heads_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="must lie between"):
        draw_head(1, **wrong)


@pytest.mark.parametrize("heavy", ["SimpleITK", "skimage", "pymeshlab", "onnxruntime"])
def test_the_phantom_needs_no_image_or_mesh_library(heavy):
    probe = f"import sys, negvol_cli.phantom; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
