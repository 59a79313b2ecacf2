from __future__ import annotations

import pytest

from benchmarks.coarse_voxels import Pair, off, table
from negvol_cli.report import JointReport, JointSpace, Status, Uncertainty
from negvol_cli.structures import Side


def space(superior: float) -> JointSpace:
    return JointSpace(
        narrowest=1.0, superior=superior, anterior=2.0, posterior=2.0, medial=2.0, lateral=2.0
    )


def joint(nv: float | None, superior: float) -> JointReport:
    halves = Uncertainty(
        head_volume_mm3=50.0, nv_mm3=300.0, articular_nv_mm3=100.0, joint_space_mm=space(0.5)
    )
    return JointReport(
        side=Side.LEFT,
        status=Status.OK,
        nv_mm3=nv,
        joint_space_mm=space(superior),
        uncertainty=halves,
    )


FINE = joint(6000.0, 3.0)


def test_a_change_is_held_against_the_interval_of_the_coarse_scan():
    assert off(Pair(3.0, FINE, joint(5880.0, 3.5))) == pytest.approx((-2.0, 5.0, 0.5, 0.5))


def test_pairs_are_sorted_by_their_longest_edge_and_what_has_no_figure_is_counted():
    found = [
        Pair(2.0, FINE, joint(6060.0, 3.1)),
        Pair(3.0, FINE, joint(5400.0, 3.2)),
        Pair(3.0, FINE, joint(None, 3.2)),
        Pair(4.0, FINE, joint(5000.0, 4.2)),
    ]
    rows = [line.strip("| ").split(" | ") for line in table(found).splitlines()[2:]]

    assert [row[0] for row in rows] == ["over 0 to 2", "over 2 to 3", "over 3 to 4.5"]
    assert [row[1:3] for row in rows] == [["1", "0"], ["2", "1"], ["1", "0"]]
    assert [row[4] for row in rows] == ["100%", "0%", "0%"]
