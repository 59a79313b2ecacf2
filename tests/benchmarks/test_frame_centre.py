"""What is said of frames off the head comes from the joints that have a figure in both frames."""

from __future__ import annotations

import pytest

from benchmarks.frame_centre import changes


def test_changes_are_shares_of_the_centred_frames_figure():
    joints = [
        {"measured": [{"nv_mm3": 100.0}, {"nv_mm3": 98.0}]},
        {"measured": [{"nv_mm3": 200.0}, {"nv_mm3": 202.0}]},
        {"measured": [{"nv_mm3": None}, {"nv_mm3": 50.0}]},
    ]

    assert changes(joints, 1, "nv_mm3") == pytest.approx([2.0, 1.0])
