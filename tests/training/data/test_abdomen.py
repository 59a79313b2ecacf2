from __future__ import annotations

import numpy as np

from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import ScanSettings
from training.data.abdomen import draw_abdomen


def test_an_abdomen_looks_like_a_ct_of_one():
    grid = Grid((80, 60, 40), (5.0, 5.0, 8.0), (-200.0, -150.0, -160.0))
    values = draw_abdomen(1).scan(grid, ScanSettings(), 1).values_zyx

    inside = values[:, 20:45, 20:60]
    assert (values[:, :2] < -900).all()
    assert 0.3 < ((inside > -150) & (inside < 120)).mean() < 0.97
    assert 0.005 < (inside > 250).mean() < 0.2
    np.testing.assert_array_equal(values, draw_abdomen(1).scan(grid, ScanSettings(), 1).values_zyx)
    assert (values != draw_abdomen(2).scan(grid, ScanSettings(), 1).values_zyx).any()
