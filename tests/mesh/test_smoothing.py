"""Taubin's filter gives what PyMeshLab's does, and one step what its definition says."""

import numpy as np
import pytest

from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.mesh.smoothing import SHRINK, STEPS, SWELL, smoothed
from tests.steps.made_joints import LEFT, ball, socket


def tetrahedron() -> Mesh:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    return Mesh(points, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], dtype=np.int32))


def test_each_vertex_goes_to_the_mean_of_its_neighbours_and_back_past_it():
    """All of a tetrahedron's corners are neighbours of each other."""
    mesh = tetrahedron()
    points = mesh.points_mm
    for by in (SHRINK, SWELL):
        means = (points.sum(axis=0) - points) / 3
        points = points + by * (means - points)

    np.testing.assert_allclose(smoothed(mesh, 1).points_mm, points, atol=1e-12)


@pytest.mark.parametrize("shape", [ball(6.0), socket(8.0, 11.0)])
def test_it_is_pymeshlab_s(shape):
    pymeshlab = pytest.importorskip("pymeshlab", reason="PyMeshLab cannot load")
    raw = iso_surface(shape, LEFT.local_grid, 0.5)
    assert raw.is_watertight
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(raw.points_mm, raw.triangles))
    meshes.apply_coord_taubin_smoothing(lambda_=SHRINK, mu=SWELL, stepsmoothnum=STEPS)

    mine = smoothed(raw)

    assert mine.triangles is raw.triangles
    theirs = np.array(meshes.current_mesh().vertex_matrix())
    assert np.abs(mine.points_mm - raw.points_mm).max() > 0.01
    np.testing.assert_allclose(mine.points_mm, theirs, atol=1e-6)


def test_shells_that_touch_at_a_vertex_move_as_one_there():
    """As in PyMeshLab: the vertex has the neighbours of both."""
    one, other = tetrahedron(), tetrahedron()
    points = np.vstack([one.points_mm, -other.points_mm[1:]])
    second = np.where(other.triangles == 0, 0, other.triangles + 3)[:, ::-1]
    both = Mesh(points, np.vstack([one.triangles, second]).astype(np.int32))
    assert both.is_watertight

    np.testing.assert_allclose(smoothed(both, 1).points_mm[0], 0.0, atol=1e-12)


def test_without_pymeshlab_it_is_the_same():
    """The two libraries' bones differ by rounding alone."""
    raw = iso_surface(socket(8.0, 11.0), LEFT.local_grid, 0.5)
    other = load_backend("trimesh").refine(raw, None)

    np.testing.assert_allclose(other.volume_mm3, smoothed(raw).volume_mm3, rtol=1e-6)
