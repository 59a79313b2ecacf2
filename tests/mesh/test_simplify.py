"""Fewer triangles that enclose the same: what is closed stays closed."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from negvol_cli.mesh import simplify
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.mesh.simplify import simplified
from negvol_cli.threads import at_once
from tests.steps.made_joints import LEFT, ball

TWO_ON_AN_EDGE = np.array(
    [[0, 0, 0], [0, 0, 2], [2, 0, 1], [1, 2, 1], [-2, 0, 1], [-1, -2, 1]], dtype=np.float64
)
TETRAHEDRON = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]


def tetrahedra(*corners: tuple[int, int, int, int]) -> np.ndarray:
    """Their triangles, outwards where the four corners turn as those of the first one do."""
    return np.concatenate([np.array(c)[TETRAHEDRON] for c in corners]).astype(np.int32)


def as_simplified(monkeypatch: pytest.MonkeyPatch, points: np.ndarray, glued: np.ndarray) -> Mesh:
    """What is made of a mesh that the library glued together so."""
    monkeypatch.setattr(simplify.fast_simplification, "simplify", lambda *_, **__: (points, glued))
    return simplified(iso_surface(ball(2.0), LEFT.local_grid, 0.5), 10)


@pytest.fixture(scope="module")
def plates() -> Mesh:
    z, y, x = np.indices(LEFT.local_grid.shape_zyx)
    layers = ((z == 64) | (z == 67)) & (np.maximum(abs(x - 64), abs(y - 64)) < 30)
    holed = layers & (((x // 4) % 3 > 0) | ((y // 4) % 3 > 0))
    sharp = iso_surface(holed.astype(np.float32), LEFT.local_grid, 0.5)
    return load_backend().refine(sharp, 0.6)


def test_fewer_triangles_enclose_the_same_volume():
    whole = iso_surface(ball(10.0), LEFT.local_grid, 0.5)

    fewer = simplified(whole, 4_000)

    assert fewer.is_watertight
    assert fewer.volume_mm3 == pytest.approx(whole.volume_mm3, rel=0.001)
    assert len(fewer.triangles) == pytest.approx(4_000, rel=0.01)


def test_a_mesh_with_no_more_triangles_is_left_as_it_is():
    whole = iso_surface(ball(3.0), LEFT.local_grid, 0.5)

    assert simplified(whole, len(whole.triangles)) is whole


@pytest.mark.parametrize("triangles", [2_000, 1_000])
def test_thin_plates_with_holes_that_are_glued_together_stay_closed(plates, triangles):
    points, corners = simplify.fast_simplification.simplify(
        plates.points_mm, plates.triangles, target_count=triangles
    )
    as_they_come = Mesh(np.asarray(points, dtype=np.float64), corners.astype(np.int32))
    assert not as_they_come.is_watertight

    fewer = simplified(plates, triangles)

    assert fewer.is_watertight
    assert fewer.volume_mm3 == pytest.approx(as_they_come.volume_mm3, rel=1e-9)
    assert len(fewer.triangles) == pytest.approx(triangles, rel=0.2)


def test_two_bodies_that_share_an_edge_get_each_their_own(monkeypatch):
    points, glued = TWO_ON_AN_EDGE, tetrahedra((0, 1, 2, 3), (0, 1, 4, 5))
    assert not Mesh(points, glued).is_watertight

    parted = as_simplified(monkeypatch, points, glued)

    assert parted.is_watertight
    assert len(parted.triangles) == len(glued) + 4
    assert parted.volume_mm3 == pytest.approx(Mesh(points, glued).volume_mm3)


def test_a_plate_of_no_thickness_goes(monkeypatch):
    body = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
    glued = np.concatenate(
        [tetrahedra((0, 1, 2, 3)), np.array([[1, 2, 4], [2, 1, 4]], dtype=np.int32)]
    )

    parted = as_simplified(monkeypatch, body, glued)

    assert parted.is_watertight
    assert len(parted.triangles) == 4


def test_a_torn_mesh_is_torn_no_further(monkeypatch):
    torn = np.delete(tetrahedra((0, 1, 2, 3), (0, 1, 4, 5)), 0, axis=0)

    assert len(as_simplified(monkeypatch, TWO_ON_AN_EDGE, torn).triangles) == len(torn)


def test_threads_that_simplify_at_once_get_each_its_own_mesh():
    balls = [iso_surface(ball(radius), LEFT.local_grid, 0.5) for radius in (6.0, 8.0, 10.0)] * 4
    alone = [simplified(mesh, 1_000) for mesh in balls]

    tasks = {n: partial(simplified, mesh, 1_000) for n, mesh in enumerate(balls)}
    together = at_once(tasks, threads=4)

    for n, mesh in enumerate(alone):
        assert np.array_equal(together[n].points_mm, mesh.points_mm)
