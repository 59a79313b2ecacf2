"""``negvol compare`` hands on what was typed, and prints what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock, create_autospec

import pytest

from negvol_cli import follow_up
from negvol_cli.comparison.report import (
    Change,
    Comparison,
    JointComparison,
    Movement,
    Outcome,
)
from negvol_cli.structures import Side
from tests.cli.conftest import Negvol
from tests.comparison.unchanged import SAME


def moved() -> Movement:
    return Movement(
        shift_mm_xyz=(0.7, -1.3, 0.02),
        shift_half_95_mm_xyz=(0.2, 0.2, 0.2),
        distance_mm=1.5,
        distance_half_95_mm=0.2,
        turn_degrees_xyz=(0.1, 0.0, -2.4),
        turn_half_95_degrees_xyz=(0.4, 0.4, 0.4),
        angle_degrees=2.4,
        angle_half_95_degrees=0.4,
        moved=True,
        turned=True,
    )


def found() -> Comparison:
    remodelling = replace(SAME, posterior_mm=None)
    left = JointComparison(
        side=Side.LEFT,
        outcome=Outcome.COMPARED,
        nv_mm3=Change.between((7000.0, 200.0), (7010.0, 200.0)),
        movement=moved(),
        remodelling=remodelling,
    )
    right = JointComparison(side=Side.RIGHT, outcome=Outcome.NOT_COMPARED, reason="in AFTER no")
    return Comparison(before="a", after="b", right=right, left=left, flags=("of one scan",))


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands in for the comparison, with the same signature."""
    fake: Mock = create_autospec(follow_up.compare, return_value=found())
    monkeypatch.setattr(follow_up, "compare", fake)
    return fake


def test_folders_and_options_arrive(negvol: Negvol, compare: Mock) -> None:
    result = negvol("compare", "x/a", "y/b", "-o", "out", "--overwrite")

    assert result.exit_code == 0, result.stderr
    assert compare.call_args.args == (Path("x/a"), Path("y/b"), Path("out"))
    assert compare.call_args.kwargs["overwrite"] is True
    place = Path("out/a-to-b/comparison.html")
    assert result.stderr.endswith(f"Pictures and files: {place}\n")


@pytest.mark.usefixtures("compare")
def test_the_table_says_what_changed_and_what_did_not(negvol: Negvol) -> None:
    lines = negvol("compare", "a", "b", "--quiet").stdout.splitlines()
    told = {line.split("  ")[0]: " ".join(line.split()) for line in lines}

    assert lines[:2] == ["BEFORE a, AFTER b", "Flag: of one scan"]
    assert "Right joint: not compared: in AFTER no" in lines
    assert told["NV"] == "NV 7000 7010 +10 ± 283 mm³ no change beyond what can be measured"
    assert told["condyle moved"] == "condyle moved – – 1.5 ± 0.2 mm changed"
    assert told["condyle moved to posterior"].endswith("-1.3 ± 0.2 mm")
    assert told["surface posterior"].split()[4] == "–"
    assert lines[-1].startswith("Research use only")


@pytest.mark.usefixtures("compare")
def test_json_is_for_machines(negvol: Negvol) -> None:
    result = negvol("compare", "a", "b", "--json", "--quiet")

    values = json.loads(result.stdout)
    assert values["left"]["movement"]["shift_mm_xyz"] == [0.7, -1.3, 0.02]
    assert result.stderr == ""


def test_a_folder_that_is_no_result_is_explained(negvol: Negvol, tmp_path: Path) -> None:
    result = negvol("compare", str(tmp_path), str(tmp_path), "-o", str(tmp_path / "out"), "--quiet")

    assert result.exit_code == 3
    assert "is not a result folder" in result.stderr
    assert not (tmp_path / "out").exists()
