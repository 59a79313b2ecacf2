"""Edges on a flat sheet of points, steadied by their neighbours."""

import numpy as np
import pytest

from negvol_cli.steps.edge_smoothing import UNKNOWN_SD_MM, neighbours, steadied


def sheet(side: int = 12, apart_mm: float = 0.8):
    """Points of a flat sheet and their normals; last, one far from all others."""
    x, y = np.meshgrid(np.arange(side) * apart_mm, np.arange(side) * apart_mm)
    points = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    points = np.concatenate([points, [[50.0, 50.0, 0.0]]])
    return points, np.tile([0.0, 0.0, 1.0], (len(points), 1))


def test_neighbours_fill_what_no_fit_tells_and_outvote_an_outlier():
    points, normals = sheet()
    offset, sd = np.full(len(points), -0.5), np.full(len(points), 0.1)
    offset[60], offset[80] = np.nan, 1.0

    field, known_sd = steadied(neighbours(points, normals), offset, sd)

    assert field[60] == pytest.approx(-0.5, abs=0.02)
    assert field[80] < -0.2
    assert known_sd[:-1].max() < 0.15


def test_an_edge_that_nothing_tells_is_as_uncertain_as_an_outline_and_no_more():
    points, normals = sheet()
    offset, sd = np.full(len(points), -0.5), np.full(len(points), 0.1)
    offset[-1] = np.nan

    field, known_sd = steadied(neighbours(points, normals), offset, sd)

    assert field[-1] == pytest.approx(-0.5, abs=0.02)
    assert known_sd[-1] == pytest.approx(UNKNOWN_SD_MM, rel=0.01)


def test_of_a_few_points_each_stands_alone():
    points, normals = sheet(side=2)

    field, sd = steadied(
        neighbours(points, normals), np.array([0.1, np.nan, 0.3, 0, 0]), np.ones(5)
    )

    assert field == pytest.approx([0.1, 0.0, 0.3, 0.0, 0.0])
    assert (sd == 1.0).all()
