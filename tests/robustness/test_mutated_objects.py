"""Mutated objects at the node; ``python -m tests.robustness.mutated_objects`` sends a thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="the extra 'dicom' is not installed")

from tests.robustness.mutated_objects import LIMIT_MIB, LIMIT_S, send_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process takes is Linux's")


def test_mutated_objects_neither_stop_nor_mislead_a_node(tmp_path: Path) -> None:
    tally = send_all(60, 3, tmp_path)

    assert tally.faults == []
    assert tally.slowest_s < LIMIT_S
    assert tally.grown_mib < LIMIT_MIB
    assert [answer for answer in tally.answers if answer.startswith("odd")] == []
    assert tally.answers["0x0000"] > 5  # what is only scratched is taken
    assert tally.answers["0xC000"] + tally.answers["0xA900"] > 2
