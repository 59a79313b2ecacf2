"""Two thousand mutated inputs: each is explained, or read right, in little time and memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.robustness.mutants import LIMIT_MIB, LIMIT_S, judge_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process takes is Linux's")


def test_two_thousand_mutated_inputs_are_explained_or_read_right(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="making a small network takes the onnx package")

    verdicts = judge_all(2000, 1, tmp_path, whole_every=100)

    assert [v for v in verdicts if v.fault] == []
    assert max(v.seconds for v in verdicts) < LIMIT_S
    assert max(v.grown_mib for v in verdicts) < LIMIT_MIB
    outcomes = [v.outcome for v in verdicts]
    assert outcomes.count("explained") > 600  # the mutations are no mere scratches
    assert outcomes.count("read") > 300
