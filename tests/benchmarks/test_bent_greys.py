"""Bent grey scales keep what they must."""

import numpy as np

from benchmarks.bent_greys import bent
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Side
from training.data.joints import JointSample


def joint(values) -> JointSample:
    origin = (0.0, 0.0, 0.0)
    grid = Grid((len(values), 1, 1), (1.0, 1.0, 1.0), origin)
    ct = Volume(np.array(values, np.int16).reshape(1, 1, -1), grid)
    return JointSample("a", Side.LEFT, origin, ct, Volume(np.zeros_like(ct.values_zyx), grid))


def test_a_curve_keeps_the_ends_and_the_order_and_moves_what_lies_between():
    values = [-1024, -1000, 0, 40, 1000, 3000, 3071]

    brighter, same, darker = (
        bent(joint(values), power).ct.values_zyx.ravel() for power in (0.6, 1.0, 1.7)
    )

    assert list(same) == [-1000, -1000, 0, 40, 1000, 3000, 3000]
    assert (np.diff(brighter[1:6]) > 0).all()
    assert (np.diff(darker[1:6]) > 0).all()
    assert brighter[[1, 5]].tolist() == darker[[1, 5]].tolist() == [-1000, 3000]
    assert brighter[4] == round(-1000 + 4000 * 0.5**0.6)
    assert darker[4] == round(-1000 + 4000 * 0.5**1.7)
