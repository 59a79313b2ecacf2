"""A result measured again from what it keeps: the same figures, status, flags and checks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from negvol_cli.edit.stored import StoredResult, read_result
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.report import JointReport, Status
from negvol_cli.run import Models
from negvol_cli.steps.joint_basis import figures_of
from negvol_cli.steps.limits import PAIR_CHECKS
from negvol_cli.structures import Side
from negvol_cli.study import measure_scan
from tests.edit.conftest import CPU

MOST_BYTES = 3_000_000


def figures(joint: JointReport) -> dict[str, float]:
    """Every figure of a joint, with its interval, by name."""

    def flat(values, prefix=""):
        for name, value in values.items():
            if isinstance(value, dict):
                yield from flat(value, f"{prefix}{name}.")
            elif isinstance(value, float):
                yield prefix + name, value

    return dict(flat(asdict(joint)))


def assert_same_again(result: StoredResult, backend: MeshBackend) -> None:
    for side, joint in result.joints.items():
        before = result.report.joint(side)
        again, _ = figures_of(joint.basis, result.settings, backend)

        assert again.status_text == before.status_text
        assert again.flags == before.flags
        assert figures(again) == pytest.approx(figures(before), rel=0.003)
        ours = {check.name: check for check in again.checks}
        theirs = {c.name: c for c in before.checks if c.name not in PAIR_CHECKS}
        assert ours.keys() == theirs.keys()
        for name, check in ours.items():
            assert check.passed == theirs[name].passed
            sums_up = 0.1 if name == "doubts" else 0.01  # of shares of limits of 0.02 and more
            assert check.value == pytest.approx(theirs[name].value, rel=0.05, abs=sums_up)


def test_a_phantom_gives_the_same_again(result: StoredResult, backend: MeshBackend):
    assert set(result.joints) == set(Side)
    assert_same_again(result, backend)


@pytest.mark.parametrize("case", ["fullhead", "sharp-base", "cranium"])
def test_a_real_head_gives_the_same_again(
    case: str, tmp_path: Path, shared_data: Path, models: Models, backend: MeshBackend
):
    report = measure_scan(shared_data / "tmj" / case / "ct.nii.gz", tmp_path, CPU, models=models)
    folder = tmp_path / "ct"
    stored = read_result(folder)

    assert_same_again(stored, backend)
    assert sum(path.stat().st_size for path in (folder / "edit").iterdir()) < MOST_BYTES
    if case == "sharp-base":
        assert {joint.status for joint in report.joints} == {Status.CUT}
