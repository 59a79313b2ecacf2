from __future__ import annotations

import numpy as np
import pytest

from benchmarks.marrow import Row, filled, table, volumes_mm3
from negvol_cli.structures import Label
from tests.steps.made_joints import LEFT, ball, frame_points

GRID = LEFT.local_grid
AWAY = np.linalg.norm(frame_points(), axis=-1)
X, Y, Z = np.moveaxis(frame_points(), -1, 0)


def test_marrow_behind_a_slit_is_inside_and_a_mended_network_bridges_nothing():
    shell = (AWAY < 6.0) & (AWAY > 4.5) & ~((np.abs(X) < 1.0) & (Y > 0))
    labels = np.where(shell, Label.CONDYLE, Label.NEGATIVE_VOLUME).astype(np.uint8)

    inside, bridged = volumes_mm3(labels, shell.astype(np.float32), GRID, (0.0, 0.0, 0.0))

    assert inside == pytest.approx(4 / 3 * np.pi * 4.5**3, rel=0.35)
    assert bridged == 0.0


def test_a_solid_condyle_has_nothing_inside():
    labels = np.where(AWAY < 6.0, Label.CONDYLE, 0).astype(np.uint8)

    assert volumes_mm3(labels, ball(6.0), GRID, (0.0, 0.0, 0.0)) == (0.0, 0.0)


def test_a_notch_is_not_filled():
    fork = (AWAY < 10.0) & ~((np.abs(X) < 3.0) & (Z > -4.0))

    assert filled(fork, 0.5)[1][63:66, 63, 63].sum() == 0


def test_the_table_has_a_line_for_each_scan():
    rows = [Row("a", "right", "ok", 0.0, 1.25), Row("a", "left", "not found")]

    assert table(rows).splitlines()[2:] == ["| a | ok | 0.0 | 1.2 | not found | – | – |"]
