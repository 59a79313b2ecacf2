"""How a localiser is judged: distances, joints not found, and swapped sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from negvol_cli.geometry.grid import vector
from negvol_cli.steps.localise import FoundJoint, Localisation
from tests.training.made_datasets import CENTRES, HEADER, case, ct, write
from training.config import DataConfig, Experiment, NetworkConfig, TrainConfig
from training.evaluate.held_out import HeadScore, score_heads

NEAR = (2.0, 0.0, 0.0)


def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Localisation) -> HeadScore:
    """The score of a localiser that finds ``found`` in the one scan there is."""
    write(ct(), tmp_path / "a" / "ct.nii.gz")
    path = tmp_path / "dataset.toml"
    path.write_text(HEADER + case("a", 'patient = "p"\n', labelled=False), encoding="utf-8")
    monkeypatch.setattr("training.evaluate.held_out.find", lambda *_: found)
    (score,) = score_heads(nn.Identity(), experiment(path), ("p",))
    return score


def experiment(dataset: Path) -> Experiment:
    data = DataConfig(
        object="heads", dataset=str(dataset), spacing_mm=4, size=16, patch=16, window_hu=(0, 1)
    )
    network = NetworkConfig(kind="light-unet", channels=(4, 8))
    train = TrainConfig(loss="heat-focal", steps=1, batch=1, learning_rate=1e-3)
    return Experiment(name="x", network=network, data=data, train=train)


def joint(side: str) -> FoundJoint:
    return FoundJoint(vector(np.add(CENTRES[side], NEAR)), 0.9)


def test_joints_found_are_judged_by_their_distance(tmp_path, monkeypatch):
    score = judged(tmp_path, monkeypatch, Localisation(joint("right"), joint("left")))

    assert (score.head, score.right_mm, score.left_mm) == ("a", pytest.approx(2), pytest.approx(2))
    assert (score.confidence, score.swapped) == (0.9, False)


def test_a_joint_not_found_is_infinitely_far_and_not_swapped(tmp_path, monkeypatch):
    score = judged(tmp_path, monkeypatch, Localisation(None, joint("left")))

    assert (score.right_mm, score.confidence, score.swapped) == (np.inf, 0.0, False)


@pytest.mark.parametrize("other", ["right", None])
def test_a_joint_found_on_the_other_side_is_swapped(tmp_path, monkeypatch, other):
    found = Localisation(joint("left"), joint(other) if other else None)

    assert judged(tmp_path, monkeypatch, found).swapped
