"""A scanner's blur, slices, kernel, noise and limits against answers known without it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.phantom import Machine, Scene, Variety, draw_head, paint_scene
from negvol_cli.phantom.shapes import ellipsoid
from negvol_cli.structures import Side

QUIET = Machine(noise_hu=0.0)
FINE_MM = 0.25
EDGE_MM = FINE_MM * (0.5 - 12**-0.5)
"""Where an edge in cells of this width is blurred by its painting as much as edges are on average:
f (1 - f) is 1/6 for f of 0.21."""


def scene_of(hu_at, count: int = 160) -> Scene:
    """A cube about the origin, its HU a function of x, y and z in mm."""
    first = -(count - 1) / 2 * FINE_MM
    axis = first + FINE_MM * np.arange(count)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    hu = np.asarray(hu_at(x, y, z) + 0.0 * x, dtype=np.float32)
    return Scene((Volume(hu, Grid((count,) * 3, (FINE_MM,) * 3, (first,) * 3)),))


def step(place_mm) -> np.ndarray:
    """1000 HU below ``EDGE_MM`` and 0 above, painted into cells as a phantom's surface is."""
    return 1000.0 * np.clip(0.5 - (place_mm - EDGE_MM) / FINE_MM, 0.0, 1.0)


def grid_of(spacing, half_mm: float = 12.0) -> Grid:
    size = [round(2 * half_mm / s) for s in spacing]
    origin = tuple(-(n - 1) / 2 * s + 0.03 for n, s in zip(size, spacing, strict=True))
    return Grid(tuple(size), spacing, origin)


def centres(grid: Grid, axis: int) -> np.ndarray:
    return grid.origin_mm_xyz[axis] + grid.spacing_mm_xyz[axis] * np.arange(grid.size_xyz[axis])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("blur", "across"), [(0.3, 0.3), (0.8, 0.4), (0.45, 1.0)])
def test_a_plane_edge_is_blurred_by_the_width_the_machine_states(axis, blur, across):
    scene = scene_of(lambda *xyz: step(xyz[axis]))
    grid = grid_of((0.4, 0.4, 0.6))
    machine = replace(QUIET, blur_mm=blur, blur_z_mm=across)

    seen = machine.sees(scene, grid).values_zyx.astype(float)

    profile = np.moveaxis(seen, 2 - axis, 0)[:, 15, 12]
    place = centres(grid, axis)
    slope = -np.gradient(profile, place)
    slope = np.where(np.abs(place) < 6, slope, 0.0)
    middle = np.average(place, weights=slope)
    width = np.sqrt(np.average((place - middle) ** 2, weights=slope))
    between = grid.spacing_mm_xyz[axis] / np.sqrt(3)  # differences over two steps: a box of two
    expected = np.hypot(machine.width_mm_xyz(grid)[axis], between)
    assert middle == pytest.approx(EDGE_MM, abs=0.02)
    assert width == pytest.approx(expected, rel=0.03)


def test_a_sharp_edge_has_the_intensities_of_the_error_function():
    scene = scene_of(lambda x, _y, _z: step(x))
    grid = grid_of((0.02, 0.5, 0.5), 3.0)

    seen = replace(QUIET, blur_mm=0.5).sees(scene, grid).values_zyx[6, 6]

    np.testing.assert_allclose(seen, 1000.0 * ndtr((EDGE_MM - centres(grid, 0)) / 0.5), atol=8.0)


@pytest.mark.parametrize("slice_mm", [2.0, 4.0])
def test_overlapping_slabs_blur_across_slices_as_thick_as_they_are(slice_mm):
    scene = scene_of(lambda _x, _y, z: np.where(np.abs(z) < 0.5, 1000.0, 0.0))
    grid = grid_of((0.5, 0.5, 0.5))
    machine = replace(QUIET, blur_mm=0.0, slice_mm=slice_mm)

    column = machine.sees(scene, grid).values_zyx[:, 20, 20].astype(float)

    assert column.sum() * 0.5 == pytest.approx(1000.0, rel=0.01)
    assert column.max() == pytest.approx(1000.0 / slice_mm, rel=0.05)


def test_a_bone_kernel_overshoots_beside_an_edge_and_leaves_the_flat_alone():
    scene = scene_of(lambda x, _y, _z: np.where(x < 0, 1000.0, 0.0))
    grid = grid_of((0.4, 0.4, 0.4))
    plain, sharp = (replace(QUIET, sharpen=s).sees(scene, grid).values_zyx for s in (0.0, 0.8))

    assert plain.max() == 1000
    assert sharp.max() > 1030
    assert sharp.min() < -30
    assert sharp[20, 20, 0] == 1000
    assert (
        np.abs(np.diff(sharp[20, 20].astype(int))).max()
        > np.abs(np.diff(plain[20, 20].astype(int))).max()
    )


def test_noise_has_its_strength_and_grain_and_follows_the_gain():
    scene = scene_of(lambda *_: 100.0)
    grid = grid_of((0.5, 0.5, 0.5))
    machine = Machine(noise_hu=20.0, grain_mm=0.8, gain=1.2, offset_hu=-50.0, slice_mm=2.0)

    seen = machine.sees(scene, grid, 1).values_zyx[8:-8, 8:-8, 8:-8].astype(float)

    assert seen.mean() == pytest.approx(100 * 1.2 - 50, abs=5.0)  # three standard errors
    assert seen.std() == pytest.approx(20.0 * 1.2, rel=0.1)
    off = seen - seen.mean()
    along = [np.mean(np.take(off, range(1, 20), a) * np.take(off, range(19), a)) for a in range(3)]
    assert min(along) > 0.5 * seen.var()
    assert (seen != machine.sees(scene, grid, 2).values_zyx[8:-8, 8:-8, 8:-8]).any()


@pytest.mark.parametrize("limits", [(-160.0, 3071.0), (-1024.0, 300.0)])
def test_what_an_export_cut_off_is_gone(limits):
    scene = scene_of(lambda x, _y, _z: np.where(x < 0, 1500.0, -1000.0))

    seen = replace(QUIET, limits_hu=limits).sees(scene, grid_of((0.5,) * 3)).values_zyx

    assert seen.min() == max(-1000, limits[0])
    assert seen.max() == min(1500, limits[1])


def test_flipped_axes_show_the_same_head():
    scene = scene_of(lambda x, y, z: 30.0 * x + 20.0 * y + 10.0 * z)
    grid = grid_of((0.5, 0.6, 0.7))
    last = grid.to_world(np.array(grid.size_xyz) - 1)
    flipped = replace(
        grid, origin_mm_xyz=tuple(last), direction=(-1.0, 0, 0, 0, -1.0, 0, 0, 0, -1.0)
    )

    np.testing.assert_array_equal(
        QUIET.sees(scene, grid).values_zyx, QUIET.sees(scene, flipped).values_zyx[::-1, ::-1, ::-1]
    )
    c, s = np.cos(0.2), np.sin(0.2)
    with pytest.raises(ValueError, match="turn the head"):
        QUIET.sees(scene, replace(grid, direction=(c, -s, 0, s, c, 0, 0, 0, 1)))


def test_coarse_and_fine_parts_of_a_head_meet_without_a_step():
    head = draw_head(300, variety=Variety(), open_mm=0.0)
    x, y, z = head.condyle_centre_mm(Side.LEFT)
    corners = (x - 25, y - 25, z - 25), (x + 25, y + 25, z + 25)
    whole = paint_scene([head], *corners, joint_mm=24.0)
    grid = Grid((60, 60, 60), (0.8,) * 3, (x - 23.6, y - 23.6, z - 23.6))

    both = QUIET.sees(whole, grid).values_zyx.astype(float)
    rough = QUIET.sees(Scene(whole.parts[:1]), grid).values_zyx

    assert len(whole.parts) == 3
    inside = (slice(18, 42),) * 3
    assert np.abs(both - rough).max() > 100
    assert both[inside].mean() == pytest.approx(rough[inside].mean(), rel=0.05)
    outside = np.ones(both.shape, dtype=bool)
    outside[(slice(14, 46),) * 3] = False
    np.testing.assert_array_equal(both[outside], rough[outside])


def test_two_heads_in_one_scan_are_both_seen_and_metal_where_it_was_put():
    head = draw_head(301, open_mm=0.0)
    x, y, z = head.joint(Side.LEFT).centre_mm
    bolt = replace(head, implants=(ellipsoid((x + 12, y, z), (3.0, 3.0, 3.0)),))
    other = head.moved(shift_mm=(0.0, 0.0, 300.0))
    scene = paint_scene([bolt, other], joint_mm=40.0)
    machine = replace(QUIET, limits_hu=(-1024.0, 8000.0))

    assert len(scene.parts) == 4
    for owner in (bolt, other):
        cx, cy, cz = owner.condyle_centre_mm(Side.LEFT)
        grid = Grid((40, 40, 40), (0.8,) * 3, (cx - 16, cy - 16, cz - 16))
        seen = machine.sees(scene, grid).values_zyx
        assert (seen > 800).sum() > 500
        assert (seen.max() > 5000) == (owner is bolt)
        streaky = replace(machine, streaks_hu=300.0).sees(scene, grid).values_zyx.astype(float)
        assert ((streaky - seen).std() > 30) == (owner is bolt)


@pytest.mark.parametrize("wrong", [{"blur_mm": -1.0}, {"gain": 0.0}, {"limits_hu": (5.0, 5.0)}])
def test_machines_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Machine(**wrong)
