"""The joint space by direction, on balls whose joint space is painted as a known function."""

from __future__ import annotations

import numpy as np
import pytest

from negvol_cli.steps.joint_space import joint_space, ways_from
from negvol_cli.steps.landmarks import Head
from negvol_cli.steps.process_axis import Axis
from tests.steps.solids import ball_mm3, sphere, turn

CENTRE = (1.0, -2.0, 3.0)
BALL = sphere(5.0, 0.2)
MESH = type(BALL)(BALL.points_mm + CENTRE, BALL.triangles)
UPRIGHT = Axis((0.0, 0.0, 1.0), CENTRE)


def tilted(about: str, degrees: float) -> Axis:
    x, y, z = turn(about, degrees) @ (0.0, 0.0, 1.0)
    return Axis((float(x), float(y), float(z)), CENTRE)


def head(of_condyle=None):
    own = np.ones(len(MESH.points_mm), dtype=np.bool_) if of_condyle is None else of_condyle
    return Head((1.0, -2.0, 8.0), MESH, CENTRE, ball_mm3(5.0), own)


@pytest.mark.parametrize("axis", [UPRIGHT, tilted("x", 25.0), tilted("y", -20.0)])
def test_directions_turn_with_the_axis(axis):
    """3 mm everywhere, 1 mm more upwards, 1 mm less to posterior, 0.5 mm more to lateral."""
    lateral, posterior, up = (axis.directions @ (MESH.points_mm - CENTRE).T) / 5.0
    space = joint_space(MESH, 3.0 + up - posterior + 0.5 * lateral, head(), axis)

    # over a cap of 45° the cosine to its middle has the median 0.5·(1 + cos 45°), by area
    middle = 0.5 * (1.0 + np.cos(np.pi / 4))
    assert space.superior == pytest.approx(3.0 + middle, abs=0.05)
    assert space.posterior == pytest.approx(3.0 - middle, abs=0.05)
    assert space.anterior == pytest.approx(3.0 + middle, abs=0.05)
    assert space.lateral == pytest.approx(3.0 + 0.5 * middle, abs=0.05)
    assert space.medial == pytest.approx(3.0 - 0.5 * middle, abs=0.05)


def test_the_narrowest_is_a_twentieth_up_the_heads_values_and_no_single_vertex():
    space = np.linspace(1.0, 5.0, len(MESH.points_mm))
    space[0] = 0.0

    assert joint_space(MESH, space, head(), UPRIGHT).narrowest == pytest.approx(1.2, abs=0.01)


def test_what_is_not_of_the_head_or_ends_elsewhere_counts_nowhere():
    up = MESH.points_mm[:, 2] - CENTRE[2]
    space = np.where(up > 0, 2.0, 9.0)
    space[(up > 0) & (up < 1.0)] = np.nan

    found = joint_space(MESH, space, head(up > 0), UPRIGHT)

    assert (found.narrowest, found.superior, found.anterior) == (2.0, 2.0, 2.0)


def test_without_any_joint_space_every_figure_is_missing():
    found = joint_space(MESH, np.full(len(MESH.points_mm), np.nan), head(), UPRIGHT)

    assert found.narrowest is None
    assert found.superior is None


def test_ways_are_unit_vectors_to_lateral_posterior_and_up():
    axis = tilted("x", 25.0)
    points = CENTRE + 4.0 * axis.directions

    np.testing.assert_allclose(ways_from(CENTRE, axis, points), np.eye(3), atol=1e-12)
