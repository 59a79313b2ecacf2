from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.mesh.distance import Surface, lattice, nodes
from negvol_cli.mesh.mesh import Mesh
from tests.steps.solids import ball_mm3, disc, moved, shell, sphere, turned_inside_out


def test_the_volume_of_a_fine_sphere_is_that_of_the_ball():
    assert sphere(5.0, 0.2).volume_mm3 == pytest.approx(ball_mm3(5.0), rel=0.001)


def test_the_volume_does_not_depend_on_where_the_mesh_lies():
    far = moved(sphere(5.0, 0.5), np.eye(3), (1500.0, -300.0, 800.0))

    assert far.volume_mm3 == pytest.approx(sphere(5.0, 0.5).volume_mm3, rel=1e-9)


def test_the_centroid_of_a_displaced_half_is_found():
    """A cylinder from z = 2 to z = 5 has its centroid at z = 3.5."""
    assert disc(6.0, 2.0, 5.0, 0.5).centroid_mm == pytest.approx((0.0, 0.0, 3.5), abs=1e-3)


def test_an_empty_mesh_has_no_volume_no_centroid_and_no_surface():
    empty = Mesh.empty()

    assert empty.volume_mm3 == 0.0
    assert empty.is_empty
    assert not empty.is_watertight
    with pytest.raises(ValueError, match="no centroid"):
        _ = empty.centroid_mm


def test_closed_meshes_are_watertight_and_torn_ones_are_not():
    ball = sphere(5.0, 1.0)

    assert ball.is_watertight
    assert shell(4.0, 5.0, 1.0).is_watertight
    assert not Mesh(ball.points_mm, ball.triangles[1:]).is_watertight


def test_a_mesh_with_one_triangle_turned_over_is_not_watertight():
    ball = sphere(5.0, 1.0)
    triangles = ball.triangles.copy()
    triangles[7] = triangles[7, ::-1]

    assert not Mesh(ball.points_mm, triangles).is_watertight


def test_vertex_normals_of_a_sphere_point_away_from_its_middle():
    ball = sphere(5.0, 0.5)

    radial = np.einsum("ij,ij->i", ball.vertex_normals(), ball.points_mm / 5.0)
    assert radial.min() > 0.995
    with pytest.raises(ValueError, match="read-only"):
        ball.vertex_normals()[0] = 0.0


@pytest.mark.parametrize("edge", [0.4, 0.8])
def test_distances_from_a_sphere_are_those_of_the_ball_within_its_flat_triangles(edge):
    points = np.random.default_rng([3, 1]).uniform(-12, 12, (4000, 3))

    near = Surface(sphere(5.0, edge)).nearest(points)

    radius = np.linalg.norm(points, axis=1)
    sag = edge**2 / (8 * 5.0) * 2  # of a triangle's middle below the ball
    assert near.distance_mm == pytest.approx(radius - 5.0, abs=1.5 * sag)
    far = radius > 1.0  # at the middle every direction is as near
    foot = np.linalg.norm(near.point_mm[far] - 5 * points[far] / radius[far, None], axis=1)
    assert np.quantile(foot, 0.99) < edge


def test_the_nearest_point_is_as_near_as_the_nearest_of_all_triangles():
    """Against a search over every triangle, sampled densely."""
    body = disc(6.0, -2.0, 2.0, 0.8)
    corners = body.points_mm[body.triangles]
    u, w = np.random.default_rng([3, 2]).dirichlet([1, 1, 1], 40)[:, :2].T
    samples = (
        corners[:, None, 0] * (1 - u - w)[:, None]
        + corners[:, None, 1] * u[:, None]
        + corners[:, None, 2] * w[:, None]
    ).reshape(-1, 3)
    points = np.random.default_rng([3, 3]).uniform(-9, 9, (150, 3))
    brute = np.sqrt(((points[:, None] - samples[None]) ** 2).sum(axis=2).min(axis=1))

    found = np.abs(Surface(body).nearest(points).distance_mm)

    assert found == pytest.approx(brute, abs=0.12)
    assert (found <= brute + 1e-3).mean() > 0.97


def test_a_field_is_the_distance_at_its_nodes_and_cut_off_beyond_its_band():
    """Of a hollow ball: in its wall and its hollow too, where no vertex is within the band."""
    body, grid = shell(4.0, 8.0, 0.6), lattice((-10, -9, -8.5), (10, 9, 9.5), 0.5)

    field = Surface(body).field(grid, 1.5)

    radius = np.linalg.norm(nodes(grid), axis=1).reshape(grid.shape_zyx)
    truth = np.clip(np.maximum(radius - 8.0, 4.0 - radius), -1.5, 1.5)
    assert field.values_zyx == pytest.approx(truth, abs=0.05)


def test_where_a_field_is_not_asked_for_it_is_its_band_and_elsewhere_unchanged():
    body, grid = sphere(5.0, 0.6), lattice((-7, -7, -7), (7, 7, 7), 0.5)
    asked = (np.linalg.norm(nodes(grid) - (2.0, 0.0, 0.0), axis=1) < 5.0).reshape(grid.shape_zyx)

    some, whole = (Surface(body).field(grid, 1.5, which).values_zyx for which in (asked, None))

    assert (some[~asked] == 1.5).all()
    assert np.array_equal(some[asked], whole[asked])


def test_beside_a_box_are_all_triangles_that_reach_into_it():
    ball = sphere(5.0, 0.6)
    low, high = np.array([1.0, -2.0, -9.0]), np.array([9.0, 3.0, 0.5])

    part = ball.beside_box(low, high)

    corners = ball.points_mm[ball.triangles]
    reach = (corners.max(axis=1) >= low).all(axis=1) & (corners.min(axis=1) <= high).all(axis=1)
    assert np.array_equal(part.points_mm[part.triangles], corners[reach])
    assert len(part.points_mm) == len(np.unique(ball.triangles[reach]))
    assert ball.beside_box((-9, -9, -9), (9, 9, 9)) is ball
    assert ball.beside_box((6, 6, 6), (9, 9, 9)).is_empty


def test_inside_and_outside_are_told_apart_at_sharp_edges():
    """All around a thin disc, whose rim has right angles."""
    points = nodes(lattice((-7.3, -7.3, -2.3), (7.3, 7.3, 2.3), 0.37))
    r, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]
    clear = np.minimum(np.abs(r - 6.0), np.abs(np.abs(z) - 0.5)) > 0.05

    distance = Surface(disc(6.0, -0.5, 0.5, 0.5)).nearest(points).distance_mm

    inside = (r < 6.0) & (np.abs(z) < 0.5)
    assert np.array_equal((distance < 0)[clear], inside[clear])


def test_a_hollow_ball_is_outside_in_its_hollow():
    distance = Surface(shell(4.0, 6.0, 0.6)).nearest(
        np.array([[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [7.0, 0.0, 0.0]])
    )

    assert distance.distance_mm == pytest.approx([4.0, -1.0, 1.0], abs=0.03)


def test_what_is_farther_than_asked_for_is_infinitely_far():
    near = Surface(sphere(5.0, 0.6)).nearest(np.array([[0.0, 0.0, 9.0], [0, 0, 5.5]]), 1.0)

    assert near.distance_mm[0] == np.inf
    assert np.isnan(near.point_mm[0]).all()
    assert near.distance_mm[1] == pytest.approx(0.5, abs=0.02)


def test_turning_a_mesh_inside_out_changes_the_sign_of_volume_and_distance():
    ball, hollow = sphere(5.0, 0.6), turned_inside_out(sphere(5.0, 0.6))
    middle = np.zeros((1, 3))

    assert hollow.volume_mm3 == pytest.approx(-ball.volume_mm3)
    assert (
        Surface(hollow).nearest(middle).distance_mm > 0 > Surface(ball).nearest(middle).distance_mm
    )
