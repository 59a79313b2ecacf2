from __future__ import annotations

import numpy as np
import pytest

from benchmarks.unusual_heads import extent, inverted, row_of, windowed
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.phantom import draw_head
from negvol_cli.structures import Side


def intensities(*values: float) -> Volume:
    grid = Grid((len(values), 1, 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    return Volume(np.array(values, dtype=np.int16).reshape(1, 1, -1), grid)


def test_a_window_ends_at_0_and_255_and_magnetic_resonance_shows_bone_darker_than_fat():
    assert windowed(
        intensities(-1000, -150, 350, 850, 3000), -150, 850
    ).values_zyx.ravel().tolist() == [
        0,
        0,
        128,
        255,
        255,
    ]
    air, fat, muscle, bone = inverted(intensities(-1000, -100, 50, 1500)).values_zyx.ravel()
    assert max(air, bone) < muscle < fat


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.0, 90.0, 0.0), (30.0, 0.0, 0.0)])
def test_the_scan_holds_both_joints_however_the_head_lies(turn):
    head = draw_head(7, open_mm=0.0).moved(turn, (40.0, 0.0, -20.0))

    low, high = extent(head)

    for side in Side:
        centre = np.array(head.condyle_centre_mm(side))
        assert (centre - 18 > low).all()
        assert (centre + 18 < high).all()


def test_a_row_says_what_was_refused_and_what_was_flagged():
    head = draw_head(7, open_mm=0.0)
    joint = {"status": "ok", "flags": ["metal near the joint"], "nv_mm3": None}

    refused = row_of("a", head, {"refused": "no joint"})
    found = row_of("b", head, {"right": joint, "left": joint, "flags": ["coarse"]})

    assert refused["said"] == "refused: no joint"
    assert found["right"] == "ok"
    assert found["said"] == "coarse; right: metal near the joint; left: metal near the joint"
