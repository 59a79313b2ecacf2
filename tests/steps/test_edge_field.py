"""A ball whose surface is moved has its level of one half where the surface is moved to."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh, unit
from negvol_cli.steps.edge_field import moved_probability

GRID = Grid((51, 51, 51), (0.5, 0.5, 0.5), (-12.5, -12.5, -12.5))
MIDDLE = (0.0, 0.0, 0.0)
RADIUS_MM = 8.0


def ball() -> Volume:
    axis = GRID.origin_mm_xyz[0] + 0.5 * np.arange(51)
    away = np.sqrt(axis**2 + axis[:, None] ** 2 + axis[:, None, None] ** 2)
    return Volume(np.clip(0.5 + (RADIUS_MM - away) / 2.0, 0.0, 1.0).astype(np.float32), GRID)


@pytest.mark.parametrize("by_mm", [-1.5, -0.3, 0.0, 0.4, 1.5])
def test_a_ball_is_as_large_as_its_moved_surface(by_mm: float) -> None:
    before = ball()
    mesh = iso_surface(before.values_zyx, GRID, 0.5)
    moved = Mesh(mesh.points_mm + by_mm * unit(mesh.points_mm), mesh.triangles)

    after = iso_surface(moved_probability(before, moved, abs(by_mm), MIDDLE, 12.0), GRID, 0.5)

    far = np.linalg.norm(after.points_mm, axis=1)
    assert far.mean() == pytest.approx(RADIUS_MM + by_mm, abs=0.03)
    assert np.abs(far - RADIUS_MM - by_mm).max() < 0.12


def test_beyond_the_reach_nothing_changes() -> None:
    before = ball()
    mesh = iso_surface(before.values_zyx, GRID, 0.5)
    moved = Mesh(mesh.points_mm * (1.0 + 0.5 / RADIUS_MM), mesh.triangles)
    middle = (RADIUS_MM, 0.0, 0.0)

    after = moved_probability(before, moved, 0.5, middle, 4.0)

    x = GRID.origin_mm_xyz[0] + 0.5 * np.arange(51)
    beyond = (x - middle[0]) ** 2 + x[:, None] ** 2 + x[:, None, None] ** 2 > 16.0
    assert np.array_equal(after[beyond], before.values_zyx[beyond])
    assert after[25, 25, 42] > before.values_zyx[25, 25, 42]
