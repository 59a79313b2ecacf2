from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render.section import section
from tests.render.conftest import HEAD_CENTRE, sphere


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("off_mm", [0.0, 3.0, -5.0])
def test_a_sphere_is_cut_in_one_closed_circle(axis: int, off_mm: float):
    (line,) = section(sphere(7.0, 0.5), axis, HEAD_CENTRE[axis] + off_mm)
    around = np.delete(np.array(HEAD_CENTRE), axis)
    radius = np.linalg.norm(line - around, axis=1)

    assert radius == pytest.approx(np.sqrt(49 - off_mm**2), abs=0.05)
    assert (line[0] == line[-1]).all()
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert length == pytest.approx(2 * np.pi * np.sqrt(49 - off_mm**2), rel=0.01)


def test_two_shells_give_two_lines():
    outer, inner = sphere(9.0), sphere(5.0)
    both = Mesh(
        np.concatenate([outer.points_mm, inner.points_mm]),
        np.concatenate([outer.triangles, inner.triangles + len(outer.points_mm)]),
    )

    assert len(section(both, 2, HEAD_CENTRE[2])) == 2


def test_a_plane_beside_the_mesh_gives_nothing():
    assert section(sphere(7.0), 0, 40.0) == []
    assert section(Mesh.empty(), 0, 0.0) == []


def test_an_open_mesh_gives_an_open_line():
    points = np.array([[0, 0, -1], [0, 0, 1], [1, 0, -1], [1, 0, 1]], dtype=np.float64)
    (line,) = section(Mesh(points, np.array([[0, 2, 1], [1, 2, 3]], dtype=np.int32)), 2, 0.0)

    assert sorted(line[:, 0].tolist()) == [0.0, 0.5, 1.0]
