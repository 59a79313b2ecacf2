from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render.decimate import decimate
from tests.render.conftest import sphere


def test_a_sphere_keeps_its_volume_in_fewer_triangles():
    fine = sphere(10.0, 0.4)
    coarse, _ = decimate(fine, np.zeros(len(fine.points_mm)), 4000)

    assert 2000 < len(coarse.triangles) <= 4000 < len(fine.triangles)
    assert coarse.volume_mm3 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)


def test_a_mesh_that_is_small_enough_stays_as_it_is():
    mesh = sphere(5.0)

    assert decimate(mesh, np.zeros(len(mesh.points_mm)), 100_000)[0] is mesh


def test_values_are_averaged_and_missing_ones_stay_missing():
    fine = sphere(10.0, 0.4)
    above = fine.points_mm[:, 2] > 1.0
    coarse, values = decimate(fine, np.where(above, 4.0, np.nan), 4000)

    assert values[coarse.points_mm[:, 2] > 2.5] == pytest.approx(4.0)
    assert np.isnan(values[coarse.points_mm[:, 2] < -0.5]).all()


def test_the_faces_of_a_thin_plate_stay_apart():
    at = np.linspace(-10, 10, 41)
    y, x = (grid.ravel() for grid in np.meshgrid(at, at, indexing="ij"))
    corner = np.arange(40)[:, None] * 41 + np.arange(40)
    first = np.stack([corner, corner + 1, corner + 42], axis=-1).reshape(-1, 3)
    second = np.stack([corner, corner + 42, corner + 41], axis=-1).reshape(-1, 3)
    upward = np.concatenate([first, second])
    upper = np.stack([x, y, np.full_like(x, 0.2)], axis=1)
    plate = Mesh(
        np.concatenate([upper, upper * (1, 1, -1)]),
        np.concatenate([upward, upward[:, ::-1] + len(upper)]).astype(np.int32),
    )
    coarse, _ = decimate(plate, np.zeros(len(plate.points_mm)), 800)

    assert len(coarse.triangles) <= 800
    assert np.abs(coarse.points_mm[:, 2]) == pytest.approx(0.2)
