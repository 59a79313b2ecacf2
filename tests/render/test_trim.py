from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render.trim import _pieces, above
from tests.render.conftest import HEAD_CENTRE, sphere


def test_a_ball_cut_at_its_middle_is_a_closed_half_ball():
    ball = sphere(8.0, step_mm=0.5)
    half, _ = above(ball, ball.points_mm[:, 0], HEAD_CENTRE[2])

    assert half.is_watertight
    assert half.points_mm[:, 2].min() == HEAD_CENTRE[2]
    assert half.volume_mm3 == pytest.approx(2 / 3 * np.pi * 8.0**3, rel=0.02)


def test_vertices_keep_their_values_and_the_lid_has_none():
    ball = sphere(8.0)
    half, values = above(ball, ball.points_mm[:, 0], HEAD_CENTRE[2])
    bare = np.isnan(values)

    assert bare.sum() == 1
    assert values[~bare] == pytest.approx(half.points_mm[~bare, 0])


def test_only_the_piece_with_the_highest_point_stays():
    ball = sphere(8.0)
    beside = Mesh(ball.points_mm + np.array([40.0, 0.0, -1.0]), ball.triangles)
    both = Mesh(
        np.concatenate([ball.points_mm, beside.points_mm]),
        np.concatenate([ball.triangles, beside.triangles + len(ball.points_mm)]),
    )
    kept, _ = above(both, both.points_mm[:, 0], HEAD_CENTRE[2])

    assert kept.points_mm[:, 0].max() < HEAD_CENTRE[0] + 8.1
    assert kept.is_watertight


@pytest.mark.parametrize("floor_mm", [-50.0, 50.0])
def test_a_mesh_wholly_on_one_side_of_the_floor_is_left_as_it_is(floor_mm: float):
    ball = sphere(8.0)
    kept, _ = above(ball, ball.points_mm[:, 0], floor_mm)

    assert kept is ball


def test_about_a_heads_centre_a_higher_process_beside_it_is_left_out():
    head = sphere(8.0)
    coronoid = Mesh(head.points_mm + np.array([0.0, -24.0, 5.0]), head.triangles)
    both = Mesh(
        np.concatenate([head.points_mm, coronoid.points_mm]),
        np.concatenate([head.triangles, coronoid.triangles + len(head.points_mm)]),
    )
    kept, _ = above(both, both.points_mm[:, 0], HEAD_CENTRE[2], HEAD_CENTRE)

    assert kept.points_mm[:, 1].min() > HEAD_CENTRE[1] - 8.1


@pytest.mark.parametrize(("number", "links"), [(10, 3), (1000, 700), (3000, 6000), (3000, 0)])
def test_what_hangs_together_does_so_in_scipy_s_graphs(number: int, links: int):
    rng = np.random.default_rng(number + links)
    ends = rng.integers(0, number, (links, 2)).astype(np.int32)
    graph = coo_array((np.ones(links), ends.T), shape=(number, number))
    count, theirs = connected_components(graph, directed=False)

    mine = _pieces(ends, number)

    assert len(np.unique(mine)) == len(np.unique(np.stack([mine, theirs]), axis=1).T) == count


def test_a_chain_of_links_in_any_order_is_one_piece():
    order = np.random.default_rng(1).permutation(5000).astype(np.int32)
    assert not _pieces(np.stack([order[:-1], order[1:]], axis=1), 5000).any()
