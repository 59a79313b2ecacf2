"""What is left out of the recipe, and the table of it, at a tiny size."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.made_datasets import write_dataset
from training.config import ConfigError, load_experiment
from training.data.dataset_toml import read_dataset
from training.data.joints import load_joints
from training.data.pack import write_pack
from training.evaluate import ablation
from training.evaluate.ablation import LEFT_OUT, Ablation, simulated

CONFIG = Path(__file__).resolve().parents[3] / "training" / "configs" / "ablation.toml"


@pytest.mark.parametrize("name", [name for name in LEFT_OUT if name != "whole"])
def test_every_row_leaves_something_out_of_the_recipe(name):
    whole = load_experiment(CONFIG)

    less = LEFT_OUT[name][1](whole)

    assert less != whole
    total = sum(look.share for look in less.augment.looks)
    assert total == pytest.approx(0.0 if name == "no-looks" else 1.0)


@pytest.fixture(scope="module")
def joints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    return load_joints(read_dataset(write_dataset(folder, ("a", "b"))))


def test_a_simulated_joint_is_the_same_joint_seen_otherwise_and_always_alike(joints):
    seen = simulated(joints[0])
    ablation.simulated.cache_clear()
    again = simulated(joints[0])

    assert seen.labels is joints[0].labels
    assert (seen.ct.values_zyx == again.ct.values_zyx).all()
    frame = seen.frame(1.0, 24)
    assert np.abs(seen.hu(frame) - joints[0].hu(frame)).mean() > 20


def test_rows_are_trained_once_and_stand_in_the_table(joints, tmp_path, monkeypatch):
    pack = tmp_path / "joints.npz"
    write_pack(joints, pack)
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'base = "{CONFIG}"\nname = "tiny"\n[network]\nchannels = [4, 8]\n'
        "[data]\nspacing_mm = 3.0\nsize = 16\npatch = 16\n"
        '[train]\nsteps = 2\n[folds]\nheld_out = [["a"], ["b"]]\n'
    )
    made = Ablation(config, tmp_path / "runs", tmp_path / "table.md", str(pack), folds=1)
    lines = []

    made.make(["whole", "no-noise"], lines.append)
    monkeypatch.setattr(ablation, "train", lambda *_: pytest.fail("trained again"))
    made.make(["no-noise"], lines.append)

    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| n")]
    assert [row.split(" | ")[0] for row in rows] == ["| nothing", "| noise"]
    assert all(row.count("|") == 6 for row in rows)
    assert "2 steps of 2 frames of 16³ voxels at 3 mm" in text
    assert "judged on 2 joints of heads held out (a)" in text


def test_a_row_that_there_is_not_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"--only must name rows of whole, .* got 'no-luck'"):
        Ablation(CONFIG, tmp_path, tmp_path / "t.md").make(["no-luck"], print)
