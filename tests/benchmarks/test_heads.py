"""The heads that benchmarks take are those that the data hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.heads import HEADS, LABELLED, labelled_but


def test_every_annotated_head_is_taken(shared_data: Path):
    folder = shared_data / "tmj"

    assert set(HEADS) == {path.parent.name for path in folder.glob("*/ct.nii.gz")}
    assert set(LABELLED) == {path.parent.name for path in folder.glob("*/right.nii.gz")}


def test_only_a_labelled_head_can_be_left_out():
    assert labelled_but("cthead", "cranium") == (
        *("visible-male", "fullhead", "medimodel", "sharp-base", "visible-female"),
    )
    with pytest.raises(ValueError, match="no labelled head is called planning-3mm"):
        labelled_but("planning-3mm")
