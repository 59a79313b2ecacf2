"""``python -m training``: packing, training side by side, judging, at a tiny size."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.training.made_datasets import write_dataset
from training.commands import main

CONFIG = """
name = "tiny"
[network]
kind = "fine-unet"
channels = [4, 8]
[data]
object = "joints"
dataset = "nowhere.toml"
spacing_mm = 3.0
size = 16
patch = 16
window_hu = [-600.0, 1800.0]
[train]
steps = 6
batch = 2
checkpoint_every = 3
[[augment.looks]]
name = "another CT"
share = 1.0
noise_share = 1.0
[folds]
held_out = [["a"], ["b"]]
"""

HEADS = """
name = "tiny"
[network]
kind = "light-unet"
channels = [4, 8]
[data]
object = "heads"
dataset = "nowhere.toml"
spacing_mm = 4.0
size = 16
patch = 16
window_hu = [-1000.0, 1500.0]
phantoms = 1
phantom_share = 0.2
[train]
loss = "heat-focal"
steps = 6
batch = 2
[augment.tiles]
cone_beam_share = 0.5
[folds]
held_out = [["a"], ["b"]]
"""


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert not isinstance(result.exception, Exception), result.exception
    return result


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """Two made heads in one file; the dataset itself is elsewhere."""
    folder = tmp_path_factory.mktemp("packed")
    dataset = write_dataset(folder / "data", ("a", "b"))
    result = run("pack", "--dataset", dataset, "--out", folder / "joints.npz", "--without-nv")
    assert result.output.startswith("4 joints, 0.")
    return folder / "joints.npz"


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_folds_and_the_final_network_train_side_by_side_and_are_judged(packed, config, tmp_path):
    where = ("--config", config, "--pack", packed, "--runs", tmp_path / "runs")

    trained = run("train", *where, "--folds", "all", "--side-by-side", "--threads", 1, "--tidy")
    again = run("train", *where, "--folds", "0,final")
    judged = run("eval", *where)

    assert trained.exit_code == again.exit_code == judged.exit_code == 0, trained.output
    for name in ("fold0", "fold1", "final"):
        weights = tmp_path / "runs" / "tiny" / name / "weights.pt"
        assert 0 < weights.stat().st_size < 15_000_000
        assert not weights.with_name("checkpoint.pt").exists()
    assert again.output.count("finished already") == 2
    with (tmp_path / "runs" / "tiny" / "scores.csv").open() as file:
        assert [row["head"] for row in csv.DictReader(file)] == ["a", "a", "b", "b"]


def test_the_localiser_trains_side_by_side_on_packed_heads_and_is_judged_on_them(tmp_path):
    dataset = write_dataset(tmp_path / "data", ("a", "b"))
    packed = run("pack", "--heads", "--dataset", dataset, "--out", tmp_path / "heads.npz")
    (tmp_path / "tiny.toml").write_text(HEADS, encoding="utf-8")
    where = ("--config", tmp_path / "tiny.toml", "--pack", tmp_path / "heads.npz")
    where += ("--runs", tmp_path / "runs", "--folds", "0,final")

    trained = run("train", *where, "--side-by-side", "--threads", 1, "--tidy")
    judged = run("eval", *where)

    assert packed.output.startswith("2 heads, 0.")
    assert trained.exit_code == judged.exit_code == 0, trained.output
    for name in ("fold0", "final"):
        assert (tmp_path / "runs" / "tiny" / name / "weights.pt").is_file()
    with (tmp_path / "runs" / "tiny" / "scores.csv").open() as file:
        assert [row["head"] for row in csv.DictReader(file)] == ["a"]


def test_joints_do_not_pass_for_heads(packed, tmp_path):
    (tmp_path / "tiny.toml").write_text(HEADS, encoding="utf-8")

    result = run("train", "--config", tmp_path / "tiny.toml", "--pack", packed)

    assert result.exit_code == 1
    assert "joints.npz holds packed joints, not heads: make a pack of heads with" in result.output


def test_training_by_minutes_ends_in_time_whatever_its_steps(packed, config, tmp_path):
    where = ("--config", config, "--pack", packed, "--runs", tmp_path / "runs")

    result = run("train", *where, "--folds", "final", "--minutes", "0.1")

    assert result.exit_code == 0, result.output
    assert "100% of 0.1 min" in result.output.splitlines()[-1]


@pytest.mark.parametrize("chosen", ["2", "0,last", ""])
def test_a_fold_that_there_is_not_is_named_with_those_there_are(packed, config, chosen):
    result = run("train", "--config", config, "--pack", packed, "--folds", chosen)

    assert result.exit_code == 1
    assert f"--folds must be all or of 0, 1, final, got {chosen.split(',')[-1]!r}" in result.output


def test_a_failed_training_among_several_is_named(packed, config, tmp_path):
    where = ("--config", config, "--pack", packed, "--runs", tmp_path / "runs")

    result = run("train", *where, "--folds", "final", "--minutes", "1e-5", "--side-by-side")

    assert result.exit_code == 1
    assert "final ended with exit code 1: Error: 1e-05 minutes were over before" in result.output


def test_a_pack_that_cannot_be_read_is_named_before_anything_is_started(config, tmp_path):
    (tmp_path / "nothing.npz").write_bytes(b"")
    where = ("--config", config, "--pack", tmp_path / "nothing.npz", "--folds", "final")

    result = run("train", *where, "--side-by-side")

    assert result.exit_code == 1
    assert "nothing.npz cannot be read as packed joints" in result.output
    assert "ended with" not in result.output


@pytest.mark.parametrize(
    "command", ["check", "pack", "train", "eval", "crossval", "table", "ablate"]
)
def test_every_command_has_help(command):
    assert "Usage:" in run(command, "-h").output


def test_a_short_training_finds_the_bones_of_a_head_it_has_not_seen(packed, config, tmp_path):
    longer = (
        CONFIG.replace("steps = 6", "steps = 120\nlearning_rate = 1e-2\naverage = 0.9")
        .replace("checkpoint_every = 3", "checkpoint_every = 30")
        .replace("channels = [4, 8]", "channels = [8, 16]")
        .replace(
            "spacing_mm = 3.0\nsize = 16\npatch = 16", "spacing_mm = 2.0\nsize = 24\npatch = 24"
        )
    )
    config.write_text(longer, encoding="utf-8")
    where = ("--config", config, "--pack", packed, "--runs", tmp_path / "runs", "--folds", "0")

    run("train", *where)
    run("eval", *where)

    with (tmp_path / "runs" / "tiny" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["head"] for row in rows] == ["a", "a"]
    assert min(float(row["condyle_dice"]) for row in rows) > 0.6
    assert min(float(row["bone_dice"]) for row in rows) > 0.6
