from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.comparison.registration import Sheet, register
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.mesh.distance import lattice, nodes
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh

RADII = np.array([9.0, 6.0, 4.0])


def egg(step_mm: float = 0.8, off_mm: float = 0.0, times: float = 1.0) -> Mesh:
    reach = 11.0 * times
    grid = lattice([-reach + off_mm] * 3, [reach + off_mm] * 3, step_mm)
    inside = 1.0 - np.linalg.norm(nodes(grid) / (times * RADII), axis=1)
    return iso_surface((4.0 * inside.reshape(grid.shape_zyx)).astype(np.float32), grid, 0.0)


def sheet(mesh: Mesh) -> Sheet:
    return Sheet.of(mesh, np.ones(len(mesh.points_mm), dtype=bool))


@pytest.fixture(scope="module")
def fixed() -> Sheet:
    return sheet(egg())


def test_a_rigid_motion_and_its_way_back_leave_a_point_where_it_was():
    motion = Rigid.about((1.0, 2.0, 3.0), (10.0, -20.0, 5.0), (4.0, 5.0, 6.0))
    point = np.array([7.0, -8.0, 9.0])

    assert motion.inverse(motion(point)) == pytest.approx(point)
    assert motion.inverse.after(motion).turn == pytest.approx(np.eye(3))
    assert motion.vector_degrees == pytest.approx([10.0, -20.0, 5.0])
    assert motion((1.0, 2.0, 3.0)) == pytest.approx([5.0, 7.0, 9.0])


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("degrees", [2.0, 12.0])
def test_a_solid_is_found_wherever_it_was_moved(fixed: Sheet, axis: int, degrees: float):
    turn = np.zeros(3)
    turn[axis] = degrees
    moved = Rigid.about((1.0, -1.0, 0.5), turn, (1.2, -0.7, 0.9))
    fit = register(sheet(egg(0.7, 0.2)).moved(moved), fixed, Rigid.identity(), reach_mm=4.0)
    rest = fit.motion.after(moved)

    assert np.linalg.norm(rest([3.0, 0.0, 0.0]) - [3.0, 0.0, 0.0]) < 0.03
    assert np.linalg.norm(rest.vector_degrees) < 0.2
    assert fit.residual_mm < 0.03
    assert fit.overlap > 0.98


def test_a_third_of_the_surface_pushed_in_does_not_pull_the_rest(fixed: Sheet):
    whole = egg()
    dented = whole.points_mm.copy()
    end = dented[:, 0] > 4.0
    dented[end, 0] -= 1.0
    moved = Rigid.about(np.zeros(3), (0.0, 3.0, 0.0), (0.8, 0.0, 0.0))
    fit = register(
        sheet(Mesh(dented, whole.triangles)).moved(moved), fixed, Rigid.identity(), reach_mm=4.0
    )
    rest = fit.motion.after(moved)

    assert np.linalg.norm(rest(np.zeros(3))) < 0.1
    assert np.linalg.norm(rest.vector_degrees) < 0.5


def test_the_stated_covariance_is_that_of_repeated_fits():
    """Surfaces with smooth errors of 0.15 mm over about 4 mm, each time others."""
    whole = egg(1.3, times=2.0)
    fixed = sheet(egg(1.4, 0.3, times=2.0))
    normals = whole.vertex_normals()
    offs, stated = [], []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        ways = rng.normal(size=(8, 3)) * (2 * np.pi / 8.0) / np.sqrt(3)
        wave = np.sin(whole.points_mm @ ways.T + rng.uniform(0, 2 * np.pi, 8)).sum(axis=1) / 2.0
        points = whole.points_mm + 0.15 * wave[:, None] * normals
        fit = register(sheet(Mesh(points, whole.triangles)), fixed, Rigid.identity(), reach_mm=4.0)
        offs.append(fit.motion(np.zeros(3)))
        stated.append(np.trace(fit.shift_covariance_at(np.zeros(3), 0.0)))

    found = np.mean(np.sum(np.square(offs), axis=1))
    assert 1 / 1.8**2 < np.mean(stated) / found < 1.8**2


def test_surfaces_that_do_not_meet_are_refused(fixed: Sheet):
    far = Rigid.about(np.zeros(3), np.zeros(3), (60.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="do not meet"):
        register(fixed.moved(far), fixed, Rigid.identity(), reach_mm=4.0)


@pytest.mark.parametrize("count", [0, 29])
def test_hardly_any_surface_is_refused(fixed: Sheet, count: int):
    few = Sheet(fixed.points_mm[:count], fixed.normals[:count])
    for moving, still in ((few, fixed), (fixed, few)):
        with pytest.raises(ValueError, match="too little surface"):
            register(moving, still, Rigid.identity(), reach_mm=4.0)


def test_thinning_is_the_same_each_time_and_keeps_a_small_sheet_whole(fixed: Sheet):
    few = fixed.thinned(100)

    assert len(few.points_mm) == 100
    assert np.array_equal(few.points_mm, fixed.thinned(100).points_mm)
    assert fixed.thinned(10**6) is fixed
