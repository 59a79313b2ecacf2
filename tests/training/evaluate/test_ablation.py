"""What is left out of the recipe, and the table of it, at a tiny size."""

from dataclasses import replace
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
    frame = joints[0].frame(1.0, 24)

    seen = simulated(joints[0], frame)
    again = simulated(joints[0], frame)

    assert seen.labels is joints[0].labels
    assert seen.ct.grid == frame.grid
    assert (seen.ct.values_zyx == again.ct.values_zyx).all()
    assert np.abs(seen.hu(frame) - joints[0].hu(frame)).mean() > 20


def test_a_simulated_joint_that_is_kept_is_not_made_again(joints, tmp_path, monkeypatch):
    frame = joints[0].frame(1.0, 24)
    made = simulated(joints[0], frame, tmp_path)
    monkeypatch.setattr(ablation, "simulate_cone_beam", lambda *_: pytest.fail("made again"))

    read = simulated(joints[0], frame, tmp_path)

    assert (read.ct.values_zyx == made.ct.values_zyx).all()
    with pytest.raises(pytest.fail.Exception):
        simulated(joints[0], joints[0].frame(1.0, 20), tmp_path)


@pytest.fixture
def tiny(joints, tmp_path) -> Ablation:
    """Networks of two steps."""
    pack = tmp_path / "joints.npz"
    write_pack(joints, pack, edges="refined")
    config = tmp_path / "tiny.toml"
    config.write_text(
        f'base = "{CONFIG}"\nname = "tiny"\n[network]\nchannels = [4, 8]\n'
        "[data]\nspacing_mm = 3.0\nsize = 16\npatch = 16\nphantoms = 0\nphantom_share = 0.0\n"
        "label_maps = false\nlabel_map_share = 0.0\n"
        '[train]\nsteps = 2\nbatch = 2\n[folds]\nheld_out = [["a"], ["b"]]\n'
    )
    return Ablation(config, tmp_path / "runs", tmp_path / "table.md", str(pack), folds=1)


def test_rows_are_trained_once_and_stand_in_the_table(tiny, monkeypatch):
    lines = []

    tiny.make(["whole", "no-noise"], lines.append)
    monkeypatch.setattr(ablation, "train", lambda *_: pytest.fail("trained again"))
    tiny.make(["no-noise"], lines.append)

    text = tiny.out.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| n")]
    assert [row.split(" | ")[0] for row in rows] == ["| nothing", "| noise"]
    assert all(row.split(" | ")[1] == "4" and row.count("|") == 7 for row in rows)
    assert "2 steps of 2 frames of 16³ voxels at 3 mm" in text
    assert "judged on 2 joints of heads held out (a)" in text


def test_rows_side_by_side_are_tabled_also_where_one_fails_and_from_their_scores_alone(
    tiny, tmp_path, monkeypatch
):
    started = {}

    def start(commands, at_once, _say):
        started.update(commands)
        assert at_once == 2
        tiny.train_row("whole", print)
        raise ConfigError("no-noise ended with exit code 1: no room")

    monkeypatch.setattr(ablation, "run_side_by_side", start)
    with pytest.raises(ConfigError, match="no room"):
        replace(tiny, within=9.0).make_at_once(["whole", "no-noise"], 2, print)

    assert list(started) == ["whole", "no-noise"]
    assert started["whole"] == [
        *("ablate", "--row", "whole", "--config", str(tiny.config), "--runs", str(tiny.runs)),
        *("--pack", tiny.pack, "--first-folds", "1", "--within", "9", "--threads", "1"),
    ]
    first = tiny.out.read_text(encoding="utf-8")
    assert "1 of 18 rows are trained" in first
    for file in tiny.runs.rglob("*"):
        if file.is_file() and file.suffix != ".csv":
            file.unlink()
    elsewhere = replace(tiny, pack="", out=tmp_path / "again.md")
    elsewhere.write_page(print)
    assert elsewhere.out.read_text(encoding="utf-8") == first.replace(
        ", or as many as 9 minutes held,", ""
    )


def test_without_a_row_there_is_no_table(tiny):
    lines = []

    tiny.write_page(lines.append)

    assert lines == ["no row is trained: there is no table yet"]
    assert not tiny.out.exists()


def test_a_row_that_there_is_not_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"rows are called whole, .*, not 'no-luck'"):
        Ablation(CONFIG, tmp_path, tmp_path / "t.md").make(["no-luck"], print)
