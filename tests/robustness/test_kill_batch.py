"""A batch killed and resumed; ``python -m tests.robustness.kill_batch`` does it 25 times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.robustness.kill_batch import disturb


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not Windows's")
def test_a_batch_killed_and_resumed_ends_like_one_that_nobody_disturbed(tmp_path: Path) -> None:
    tally = disturb(tmp_path, scans=2, kills=4, seed=3)

    assert tally.kills == 4
    assert tally.in_a_scan > 0
    assert tally.faults == []
