from __future__ import annotations

import pytest

from negvol_cli.edit.names import label_of_name, side_of_name
from negvol_cli.structures import Label, Side


@pytest.mark.parametrize(
    "name",
    ["condyle", "Condyle", "CONDYLE_1", "right condyle", "mandibular condyle", "Kondylus",
     "cóndilo mandibular", "Mandible", "Condyle copy", "condyle-2"],
)  # fmt: skip
def test_a_condyle_by_its_names(name: str):
    assert label_of_name(name) is Label.CONDYLE


@pytest.mark.parametrize(
    "name",
    ["temporal bone", "Temporal_Bone", "os temporale", "Schläfenbein", "hueso temporal",
     "Temporal bone_1", "glenoid fossa"],
)  # fmt: skip
def test_a_temporal_bone_by_its_names(name: str):
    assert label_of_name(name) is Label.TEMPORAL_BONE


@pytest.mark.parametrize("name", ["Segment_1", "bone", "condyle and temporal bone", "disc", ""])
def test_a_name_that_may_mean_anything_means_nothing(name: str):
    assert label_of_name(name) is None


@pytest.mark.parametrize(
    ("name", "side"),
    [("right condyle", Side.RIGHT), ("condyle (L)", Side.LEFT), ("Condyle_R", Side.RIGHT),
     ("Kondylus links", Side.LEFT), ("condyle", None), ("right of left", None), ("lower", None)],
)  # fmt: skip
def test_a_side_is_a_word_of_its_own(name: str, side: Side | None):
    assert side_of_name(name) is side
