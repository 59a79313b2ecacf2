"""The localiser's geometry, with a network that is an exact function of its tile."""

from itertools import permutations

import numpy as np
import pytest
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.steps.localise import HeadOrientation, Tiling, coarse, locate
from negvol_cli.structures import Side

SIZE = 32
COARSE_MM = 4.0
WINDOW = (-1000.0, 3000.0)
RIGHT_HU, LEFT_HU, STRAY_HU, CHIN_HU, BODY_HU = 2000, 2800, 2400, 1400, 500


def level(hu: float) -> float:
    return (hu - WINDOW[0]) / (WINDOW[1] - WINDOW[0]) * 2 - 1


def find_markers(tile: np.ndarray) -> np.ndarray:
    """Heat at the right and at the left marker, if the chin's marker lies below and in front."""
    chin = np.argwhere(np.abs(tile - level(CHIN_HU)) < 0.05)
    heat = np.zeros((2, *tile.shape), dtype=np.float32)
    for channel, hu in enumerate((RIGHT_HU, LEFT_HU)):
        marker = np.abs(tile - level(hu)) < 0.05
        if marker.any() and len(chin):
            middle = np.argwhere(marker).mean(axis=0)
            offset = chin.mean(axis=0) - middle
            if offset[0] < 0 and offset[1] < 0:
                index = np.indices(tile.shape) - middle.reshape(3, 1, 1, 1)
                heat[channel] = 0.9 * np.exp(-0.5 * (index**2).sum(axis=0) / 2**2)
    return heat


def head(
    spacing: tuple[float, float, float] = (2.0, 2.0, 2.0), size_mm: float = 200.0
) -> tuple[Volume, dict[Side, np.ndarray]]:
    """A body with a marker at each joint and one at the chin, LPS mm about the origin."""
    size = tuple(int(size_mm / s) for s in spacing)
    low = tuple(-size_mm / 2 + s / 2 for s in spacing)
    grid = Grid(size, spacing, low)
    points = grid.to_world(np.indices(grid.shape_zyx)[::-1].reshape(3, -1).T)
    points = points.reshape(*grid.shape_zyx, 3)
    hu = np.where(np.linalg.norm(points, axis=-1) < 95, BODY_HU, -1000)
    joints = {Side.RIGHT: np.array([-48.0, 8.0, 20.0]), Side.LEFT: np.array([52.0, 12.0, 16.0])}
    chin = np.array([0.0, -60.0, -40.0])
    for centre, value in ((joints[Side.RIGHT], RIGHT_HU), (joints[Side.LEFT], LEFT_HU)):
        hu[np.abs(points - centre).max(axis=-1) <= 8] = value
    hu[np.abs(points - chin).max(axis=-1) <= 8] = CHIN_HU
    return Volume(hu.astype(np.int16), grid), joints


def flipped(volume: Volume, axis: int) -> Volume:
    return Volume(np.flip(volume.values_zyx, axis), volume.grid)


@pytest.mark.parametrize("tile_mm", [3.0, 5.0])
def test_tiles_have_the_spacing_that_the_manifest_says(tile_mm):
    volume, joints = head()
    found = locate(volume, find_markers, Tiling(64, tile_mm, WINDOW))

    for side in Side:
        assert found[side].centre_mm_xyz == pytest.approx(joints[side], abs=tile_mm)


@pytest.mark.parametrize("spacing", [(2, 2, 2), (1, 1, 3), (0.8, 2.5, 1.0)])
def test_both_joints_are_found_where_they_are(spacing):
    volume, joints = head(tuple(map(float, spacing)))

    found = locate(volume, find_markers, Tiling(64, COARSE_MM, WINDOW))

    assert found.orientation is HeadOrientation.UPRIGHT
    for side in Side:
        assert np.linalg.norm(np.subtract(found[side].centre_mm_xyz, joints[side])) < 3.0
        assert found[side].confidence == pytest.approx(0.9, abs=0.1)


def test_a_scan_wider_than_the_network_is_searched_in_tiles():
    volume, joints = head((4.0, 4.0, 4.0), size_mm=400.0)

    found = locate(volume, find_markers, Tiling(48, COARSE_MM, WINDOW))

    for side in Side:
        assert np.linalg.norm(np.subtract(found[side].centre_mm_xyz, joints[side])) < 3.0


@pytest.mark.parametrize(
    ("axis", "orientation"), [(0, HeadOrientation.UPSIDE_DOWN), (1, HeadOrientation.BACK_TO_FRONT)]
)
def test_a_head_stored_against_its_header_is_named_and_not_measured(axis, orientation):
    volume, _ = head()

    found = locate(flipped(volume, axis), find_markers, Tiling(64, COARSE_MM, WINDOW))

    assert found.orientation is orientation
    assert found.right is None
    assert found.left is None


def test_a_body_without_joints_has_none():
    volume, _ = head()
    body = Volume(np.minimum(volume.values_zyx, BODY_HU), volume.grid)

    found = locate(body, find_markers, Tiling(64, COARSE_MM, WINDOW))

    assert (found.right, found.left, found.orientation) == (None, None, HeadOrientation.UPRIGHT)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_coarse_scan_keeps_the_world_of_an_oblique_one(order):
    angle = np.deg2rad(20)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])[:, order]
    grid = Grid((60, 60, 60), (1.5, 1.5, 1.5), (10.0, 20.0, 30.0), tuple(turn.ravel()))
    points = grid.to_world(np.indices(grid.shape_zyx)[::-1].reshape(3, -1).T)
    middle = grid.to_world([29.5, 29.5, 29.5])
    ramp = ((points - middle) @ [3.0, 5.0, 7.0]).reshape(grid.shape_zyx)

    small = coarse(Volume(ramp.astype(np.float32), grid), COARSE_MM)

    assert small.grid.spacing_mm_xyz == (COARSE_MM,) * 3
    seen = small.grid.to_world(np.indices(small.grid.shape_zyx)[::-1].reshape(3, -1).T)
    near = np.linalg.norm(seen - middle, axis=1) < 25
    expected = (seen - middle) @ [3.0, 5.0, 7.0]
    assert np.abs(small.values_zyx.ravel() - expected)[near].max() < 1.0


def test_thin_bright_slices_are_averaged_not_skipped():
    grid = Grid((40, 40, 80), (1.0, 1.0, 0.5), (0.0, 0.0, 0.0))
    values = np.zeros(grid.shape_zyx, dtype=np.int16)
    values[::8] = 800

    small = coarse(Volume(values, grid), COARSE_MM).values_zyx

    assert small[2:-2, 2:-2, 2:-2] == pytest.approx(100, abs=1)


def test_a_stray_peak_far_from_the_other_joint_is_not_taken_for_its_pair():
    volume, joints = head((4.0, 4.0, 4.0), size_mm=400.0)
    stray = volume.values_zyx.copy()
    stray[2:6, 48:52, 6:10] = STRAY_HU
    scan = Volume(stray, volume.grid)

    def doubtful(tile: np.ndarray) -> np.ndarray:
        """Surer of the stray marker than of the true one."""
        heat = find_markers(tile)
        heat[0][np.abs(tile - level(STRAY_HU)) < 0.05] = 0.95
        return heat

    found = locate(scan, doubtful, Tiling(48, COARSE_MM, WINDOW))

    for side in Side:
        assert np.linalg.norm(np.subtract(found[side].centre_mm_xyz, joints[side])) < 3.0


def test_the_air_about_a_head_costs_no_tiles():
    asked = []

    def counted(tile: np.ndarray) -> np.ndarray:
        asked[-1] += 1
        return find_markers(tile)

    for size_mm in (240.0, 520.0):
        volume, joints = head((4.0, 4.0, 4.0), size_mm=size_mm)
        asked.append(0)
        found = locate(volume, counted, Tiling(SIZE, COARSE_MM, WINDOW))
        for side in Side:
            assert np.linalg.norm(np.subtract(found[side].centre_mm_xyz, joints[side])) < 3.0

    assert asked[0] == asked[1]


def side_by_side(width_mm: float = 400.0) -> Volume:
    """Two heads beside each other, of which ``width_mm`` are in view from the right on."""
    volume, _ = head()
    grid = volume.grid
    twice = np.concatenate([volume.values_zyx, volume.values_zyx], axis=2)
    twice = twice[..., : int(width_mm / grid.spacing_mm_xyz[0])]
    nz, ny, nx = twice.shape
    return Volume(twice, Grid((nx, ny, nz), grid.spacing_mm_xyz, grid.origin_mm_xyz))


def find_every_marker(tile: np.ndarray) -> np.ndarray:
    """Heat at each right and each left marker."""
    heat = np.zeros((2, *tile.shape), dtype=np.float32)
    for channel, hu in enumerate((RIGHT_HU, LEFT_HU)):
        pieces, count = ndimage.label(np.abs(tile - level(hu)) < 0.05)
        for piece in range(1, count + 1):
            off = np.indices(tile.shape) - np.argwhere(pieces == piece).mean(axis=0).reshape(
                -1, 1, 1, 1
            )
            found = 0.9 * np.exp(-0.5 * (off**2).sum(axis=0) / 2**2)
            heat[channel] = np.maximum(heat[channel], found)
    return heat


@pytest.mark.parametrize("size", [SIZE, 112])
def test_a_second_head_in_the_scan_is_said(size):
    """Whether each tile shows one head, or one tile both."""
    tiling = Tiling(size, COARSE_MM, WINDOW)

    assert locate(side_by_side(), find_every_marker, tiling).more_heads
    assert not locate(head()[0], find_every_marker, tiling).more_heads


def test_a_second_head_of_which_one_joint_is_in_view_is_said():
    cut = side_by_side(width_mm=300.0)

    found = locate(cut, find_every_marker, Tiling(SIZE, COARSE_MM, WINDOW))

    assert found.more_heads


def test_a_joint_beyond_the_reach_of_the_only_other_is_another_heads():
    volume = side_by_side()
    volume.values_zyx[np.abs(volume.values_zyx - LEFT_HU) < 50] = BODY_HU
    one = volume.values_zyx[..., :100] == RIGHT_HU
    volume.values_zyx[..., :100][one] = LEFT_HU

    found = locate(volume, find_every_marker, Tiling(SIZE, COARSE_MM, WINDOW))

    assert found.more_heads
