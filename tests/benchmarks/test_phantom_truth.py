"""Which phantoms are seen by which scanners, and how intervals are counted."""

from __future__ import annotations

from collections import Counter

from benchmarks.phantom_cases import CONE_BEAM, GRIDS, cases, cone_beam_cases
from benchmarks.phantom_truth import HEADS, coverage, in_turn


def test_every_grid_sees_about_as_many_heads_and_every_head_two_grids():
    every = [*cases(HEADS, list(GRIDS)), *cone_beam_cases(HEADS)]

    chosen = [case for case in every if in_turn(case, 2)]

    of_grid = Counter(case.scanner for case in chosen)
    assert set(of_grid) == {*GRIDS, CONE_BEAM}
    assert {of_grid[grid] for grid in GRIDS} <= {3, 4}
    assert of_grid[CONE_BEAM] == 4
    of_head = Counter(case.head for case in chosen if case.scanner != CONE_BEAM)
    assert set(of_head.values()) == {2}
    assert len(of_head) == HEADS


def test_an_interval_holds_the_truth_or_does_not():
    truth = {"nv_mm3": 100.0, "articular_nv_mm3": None, "head_volume_mm3": 50.0}
    spaces = dict.fromkeys(("superior", "anterior", "posterior"))
    record = {
        "way": "run",
        "truth": truth | spaces,
        "measured": {"nv_mm3": 103.0, "articular_nv_mm3": 7.0, "head_volume_mm3": 50.0} | spaces,
    }
    records = [
        record | {"halves": {"nv_mm3": half, "articular_nv_mm3": 1.0, "head_volume_mm3": 1.0}}
        for half in (2.0, 3.0, 4.0, 5.0)
    ]

    shares = coverage(records, "run")

    assert shares["nv_mm3"] == "75 % of 4"
    assert shares["articular_nv_mm3"] == "–"
    assert shares["head_volume_mm3"] == "100 % of 4"
    assert coverage(records, "topology")["nv_mm3"] == "–"
