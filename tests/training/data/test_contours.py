import numpy as np
import pytest
import trimesh

from negvol_cli.geometry.grid import Grid
from training.config import ConfigError
from training.data.contours import read_contour, voxelise

CENTRE = np.array([10.0, -20.0, 30.0])


def ball(radius_mm: float = 9.0) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=radius_mm)
    mesh.apply_translation(CENTRE)
    return mesh


def grid_about(
    spacing: tuple[float, float, float] = (0.5, 0.5, 0.5), direction: tuple[float, ...] = ()
) -> Grid:
    size = tuple(int(32.0 / s) for s in spacing)
    turn = np.array(direction or np.eye(3).ravel()).reshape(3, 3)
    start = CENTRE - turn @ ((np.array(size) - 1) / 2 * spacing)
    return Grid(size, spacing, tuple(start.tolist()), tuple(turn.ravel().tolist()))


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (0.4, 0.6, 0.3), (0.5, 0.5, 1.0)])
def test_a_balls_voxels_have_its_volume_and_its_centre(spacing):
    grid = grid_about(spacing)

    mask = voxelise(ball(), grid)

    assert mask.sum() * grid.voxel_mm3 == pytest.approx(4 / 3 * np.pi * 9.0**3, rel=0.01)
    assert grid.to_world(np.argwhere(mask)[:, ::-1]).mean(axis=0) == pytest.approx(CENTRE, abs=0.05)


def test_on_an_oblique_grid_the_ball_is_the_same_ball():
    angle = np.deg2rad(25.0)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    grid = grid_about(direction=tuple(turn.ravel().tolist()))

    inside = voxelise(ball(), grid)

    z, y, x = np.indices(grid.shape_zyx)
    away = np.linalg.norm(grid.to_world(np.stack([x, y, z], axis=-1)) - CENTRE, axis=-1)
    assert np.mean(inside == (away < 9.0)) > 0.999


def test_a_box_on_voxel_centres_is_filled_without_gaps_or_spill():
    box = trimesh.creation.box(bounds=[[2.0, 3.0, 1.0], [6.0, 5.0, 4.0]])

    mask = voxelise(box, Grid((10, 10, 10), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))

    z, y, x = np.nonzero(mask)
    assert mask.sum() == 4 * 2 * 3
    assert (np.ptp(x), np.ptp(y), np.ptp(z)) == (3, 1, 2)


def test_a_hollow_ball_and_a_second_piece_come_out_right():
    hollow = ball(6.0)
    hollow.invert()
    other = trimesh.creation.icosphere(subdivisions=3, radius=2.0)
    other.apply_translation(CENTRE + np.array([12.5, 0.0, 0.0]))

    mask = voxelise(trimesh.util.concatenate([ball(), hollow, other]), grid_about())

    expected = 4 / 3 * np.pi * (9.0**3 - 6.0**3 + 2.0**3)
    assert mask.sum() / 8 == pytest.approx(expected, rel=0.015)
    assert not mask[32, 32, 32]


def test_what_lies_outside_the_grid_is_left_out():
    half = Grid((64, 64, 32), (0.5,) * 3, tuple((CENTRE - [16.0, 16.0, -0.25]).tolist()))

    volume = voxelise(ball(), half).sum() / 8

    assert volume == pytest.approx(2 / 3 * np.pi * 9.0**3, rel=0.03)


def test_a_ras_file_is_turned_to_lps(tmp_path):
    ball().export(tmp_path / "ball.stl")

    as_lps, as_ras = (read_contour(tmp_path / "ball.stl", axes) for axes in ("LPS", "RAS"))

    assert as_lps.is_watertight
    assert as_lps.centroid == pytest.approx(CENTRE, abs=0.01)
    assert as_ras.centroid == pytest.approx(CENTRE * [-1, -1, 1], abs=0.01)
    assert as_ras.volume == pytest.approx(as_lps.volume)


def test_axes_that_are_neither_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="contour_axes must be 'LPS' or 'RAS', got 'XYZ'"):
        read_contour(tmp_path / "ball.stl", "XYZ")


@pytest.mark.parametrize("content", [None, b"", b"solid nothing\nendsolid nothing\n", b"\0" * 90])
def test_a_file_that_is_no_surface_is_refused_by_name(tmp_path, content):
    path = tmp_path / "ball.stl"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"ball\.stl"):
        read_contour(path, "LPS")
