from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tilt import Change, ReferenceJoint, row_of
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.phantom.shapes import turn_about
from negvol_cli.structures import Side

GRID = Grid((72, 72, 72), (1.0,) * 3, (-85.5, -25.5, -15.5))
CENTRE = np.array([-50.0, 10.0, 20.0])
MARK = np.array([6.0, -4.0, 9.0])


@pytest.mark.parametrize("turn", [(0, 0.0), (0, 15.0), (1, -40.0), (2, 90.0)])
@pytest.mark.parametrize("side", list(Side))
def test_a_mark_of_a_turned_joint_lies_where_the_turn_takes_it(turn, side):
    z, y, x = np.indices(GRID.shape_zyx)
    points = GRID.to_world(np.stack([x, y, z], axis=-1))
    ball = (np.linalg.norm(points - CENTRE - MARK, axis=-1) < 3.0).astype(np.float32)
    joint = ReferenceJoint(side, (Volume(ball, GRID), Volume(0 * ball, GRID)), CENTRE)
    frame = JointFrame(side, (-48.0, 9.0, 21.0))

    condyle, bone, recorded = joint._seen(frame, turn, None)

    index = np.argwhere(condyle > 0.5)[:, ::-1]
    found = frame.to_world(frame.local_grid.to_world(index)).mean(axis=0)
    assert found == pytest.approx(CENTRE + turn_about(*turn) @ MARK, abs=0.2)
    assert not bone.any()
    assert recorded.all()


def test_a_scan_that_is_cut_ends_so_far_below_the_joint_however_it_lay():
    full = Volume(np.ones(GRID.shape_zyx, dtype=np.float32), GRID)
    frame = JointFrame(Side.LEFT, (-50.0, 10.0, 20.0))

    condyle, _, recorded = ReferenceJoint(Side.LEFT, (full, full), CENTRE)._seen(
        frame, (0, 15.0), 16.0
    )

    z = frame.local_grid.to_world([[0, 0, k] for k in range(128)])[:, 2]
    np.testing.assert_array_equal(recorded.all(axis=(1, 2)), z >= -16.0)
    assert not condyle[~recorded].any()


def test_a_row_tells_the_worst_and_how_many_keep_to_their_limit():
    sizes = ((1.0, 3.0, 1.0), (-2.5, 5.0, 0.0), (0.5, -1.0, -4.0))
    names = ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
    changes = [
        Change(dict(zip(names, size, strict=True)), -0.1 * i, said=i == 2)
        for i, size in enumerate(sizes)
    ]

    row = row_of("by hand", changes)

    assert row["NV %: median, greatest"] == "1.0, 2.5"
    assert row["within 2 %"] == "2 of 3"
    assert row["within 4 %"] == "2 of 3"
    assert row["within 3 %"] == "2 of 3"
    assert row["superior space mm"] == "0.10, 0.20"
    assert row["said"] == "1 of 3"
