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
        "key": "0 0.4 run",
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


def test_an_asymmetry_counts_where_both_joints_were_measured():
    def joint(key: str, measured: float, true: float) -> dict[str, object]:
        figures = ("articular_nv_mm3", "head_volume_mm3", "superior", "anterior", "posterior")
        return {
            "key": key,
            "way": "run",
            "truth": {"nv_mm3": true, **dict.fromkeys(figures)},
            "measured": {"nv_mm3": measured, **dict.fromkeys(figures)},
            "halves": {"nv_mm3": 50.0},
        }

    right = [joint("0 0.4 run", 1000.0, 1000.0), joint("0 0.4 run", 1020.0, 1000.0)]
    wrong = [joint("1 0.4 run", 1000.0, 1000.0), joint("1 0.4 run", 1500.0, 1000.0)]

    assert coverage([*right, *wrong], "run")["asymmetry"] == "50 % of 2"
    assert coverage([right[0]], "run")["asymmetry"] == "–"
