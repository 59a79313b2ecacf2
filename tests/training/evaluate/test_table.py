import dataclasses

import numpy as np
import pytest
import torch

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Side
from training.augment.sampling import JointSource
from training.config import (
    ConfigError,
    DataConfig,
    Experiment,
    FoldsConfig,
    NetworkConfig,
    TrainConfig,
)
from training.data.folds import Fold
from training.data.joints import JointSample
from training.evaluate import crossval, scores, table
from training.evaluate.cells import Cell, TableRun, load_cells
from training.evaluate.crossval import cross_validate
from training.evaluate.scores import FrameScore, read_rows, score_frames, summarise, write_rows
from training.evaluate.table import make_table
from training.evaluate.table_page import page
from training.loop.progress import LOSS_FILE
from training.loop.train import CHECKPOINT, WEIGHTS

EXPERIMENT = Experiment(
    name="cubes",
    network=NetworkConfig(channels=(4, 8)),
    data=DataConfig(object="mc", spacing_mm=1.0, size=16, patch=16, window_hu=(0.0, 1000.0)),
    train=TrainConfig(steps=2, checkpoint_every=1),
    folds=FoldsConfig(held_out=(("a",), ("b",))),
)


class Thresholding(torch.nn.Module):
    """Sure of the object where the image is bright, once ``shift`` voxels along x."""

    def __init__(self, shift: int = 0) -> None:
        super().__init__()
        self.shift = shift

    def forward(self, x):
        return torch.where(torch.roll(x, self.shift, dims=4) > 0, 20.0, -20.0)


@pytest.fixture
def _cubes(monkeypatch):
    """Both joints of heads a and b: a bright cube of 8 mm about the centre is the condyle."""
    labels = np.zeros((48,) * 3, np.uint8)
    labels[20:28, 20:28, 20:28] = 1
    grid = Grid((48,) * 3, (1.0,) * 3, (-23.5,) * 3)
    ct = Volume(labels.astype(np.int16) * 1000, grid)

    def sources(_experiment, heads, **_options):
        return [
            JointSource.of(JointSample(head, side, (0.0,) * 3, ct, Volume(labels, grid)), (1,))
            for head in heads
            for side in Side
        ]

    monkeypatch.setattr(scores, "joint_sources", sources)


@pytest.mark.usefixtures("_cubes")
def test_a_network_that_answers_the_reference_scores_full_marks():
    found = score_frames(Thresholding(), EXPERIMENT, Fold("fold0", ("a",)))

    assert [(s.fold, s.head, s.side) for s in found] == [
        ("fold0", "a", "right"),
        ("fold0", "a", "left"),
    ]
    assert all((s.dice, s.iou, s.hd_mm) == (1.0, 1.0, 0.0) for s in found)
    assert found[0].ce < 1e-6


@pytest.mark.usefixtures("_cubes")
def test_a_cube_of_8_mm_off_by_2_mm_has_a_dice_of_three_quarters_and_5_paper_voxels():
    (found, _) = score_frames(Thresholding(shift=2), EXPERIMENT, Fold("fold0", ("b",)))

    assert found.dice == pytest.approx(0.75)
    assert found.iou == pytest.approx(0.6)
    assert found.hd_mm == pytest.approx(2.0)
    assert found.hd_voxels == pytest.approx(5.0)


def score(dice: float, hd_mm: float = 1.0) -> FrameScore:
    return FrameScore(
        fold="fold0",
        head="a",
        side="left",
        label="condyle",
        dice=dice,
        ce=0.1,
        hd_mm=hd_mm,
        hd_voxels=hd_mm / 0.4,
        hd95_mm=hd_mm,
        iou=dice / (2 - dice),
    )


def test_the_summary_is_mean_and_sample_deviation_and_counts_where_nothing_was_found():
    summaries = {s.measure: s for s in summarise([score(0.8), score(0.6), score(0.0, np.inf)])}

    assert summaries["dice"].mean == pytest.approx(1.4 / 3)
    assert summaries["hd_mm"].mean == 1.0
    assert (summaries["hd_mm"].infinite, summaries["hd_mm"].joints) == (1, 3)
    assert summaries["dice"].sd == pytest.approx(np.std([0.8, 0.6, 0.0], ddof=1))


def test_scores_are_read_as_they_were_written(tmp_path):
    rows = [score(0.81), score(0.0, np.inf)]
    write_rows(rows, tmp_path / "scores.csv")

    assert read_rows(FrameScore, tmp_path / "scores.csv") == rows


@pytest.fixture
def trained(monkeypatch):
    """The folds that were trained, instead of training them."""
    done = []

    def train(_experiment, folder, held_out, _say, validation):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CHECKPOINT).touch()
        done.append((folder.name, held_out, validation))

    folds = [Fold("fold0", ("a",), ("b",)), Fold("fold1", ("b",))]
    monkeypatch.setattr(crossval, "folds_of", lambda _experiment: folds)
    monkeypatch.setattr(crossval, "train", train)
    monkeypatch.setattr(crossval, "load_trained", lambda *_: Thresholding())
    return done


@pytest.mark.usefixtures("_cubes")
def test_cross_validation_judges_every_head_once_and_does_nothing_twice(trained, tmp_path):
    first = cross_validate(EXPERIMENT, tmp_path, lambda _line: None)
    again = cross_validate(EXPERIMENT, tmp_path, lambda _line: None)

    assert trained == [("fold0", ("a",), ("b",)), ("fold1", ("b",), ())]
    assert [(s.fold, s.head) for s in first.scores] == [
        ("fold0", "a"),
        ("fold0", "a"),
        ("fold1", "b"),
        ("fold1", "b"),
    ]
    assert again == first
    assert (tmp_path / "cubes" / "summary.csv").is_file()
    assert not (tmp_path / "cubes" / "fold0" / CHECKPOINT).exists()


def test_the_page_has_our_figure_beside_the_papers_and_says_what_was_reduced(tmp_path):
    experiment = load_cells(TableRun(reduced=True))["v-net-dice-ce", "mc"]
    summaries = {s.measure: s for s in summarise([score(0.8), score(0.6)])}

    text = page(
        [Cell("v-net-dice-ce", "mc", experiment, summaries, (0.8, 0.6))],
        tmp_path,
        TableRun(reduced=True),
    )

    row = next(line for line in text.splitlines() if line.startswith("| V-Net D+CE"))
    assert row.startswith(
        "| V-Net D+CE | 70.0 ± 14.1 *91.4 ± 4.8* | 0.100 ± 0.000 | 2.5 ± 0.0 (1.0)"
    )
    assert row.count("|") == 11
    assert "\n| V-Net D+CE | 80.0 / 60.0 | - | - |\n" in text
    assert "`data.spacing_mm` 0.8 (0.4)" in text
    assert "1 of 15 cells are done" in text


def test_the_table_is_written_after_every_cell(monkeypatch, tmp_path):
    pages = []

    def result(experiment, _runs, _say, **_options):
        if (tmp_path / "table.md").is_file():
            pages.append((tmp_path / "table.md").read_text(encoding="utf-8"))
        label = {"mc": "condyle", "tb": "temporal_bone", "nv": "negative_volume"}
        rows = [dataclasses.replace(score(0.5), label=label[experiment.data.object])] * 2
        return crossval.CrossValidation(rows, summarise(rows))

    monkeypatch.setattr(table, "cross_validate", result)
    make_table(TableRun(), tmp_path, tmp_path / "table.md", say=lambda _line: None)

    assert [f"{n} of 15 cells" in text for n, text in enumerate(pages, 1)] == [True] * 14
    assert "Reduced" not in pages[0]
    assert "15 of 15 cells" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_fifteen_networks_are_trained_at_once_each_by_a_command_of_its_own(monkeypatch, tmp_path):
    started = {}
    prepared: set[str] = set()

    def start(commands, at_once, _say):
        started.update(commands, n=at_once)

    monkeypatch.setattr(table, "run_side_by_side", start)
    monkeypatch.setattr(table, "prepare", lambda data, *_: prepared.add(data.object))
    run = TableRun(reduced=True, minutes=9, pack="joints.npz", folds=1)

    table.train_cells_at_once(run, tmp_path, 15, 1, print)

    assert prepared == {"mc", "tb", "nv"}
    assert started.pop("n") == 15
    assert len(started) == 15
    assert started["nv v-net-dice"] == [
        *("table", "--cell", "nv-v-net-dice", "--runs", str(tmp_path), "--reduced"),
        *("--minutes", "9", "--pack", "joints.npz", "--first-folds", "1", "--threads", "1"),
    ]


@pytest.mark.usefixtures("_cubes")
def test_the_table_of_what_is_done_needs_the_scores_only(trained, monkeypatch, tmp_path):
    run = TableRun(reduced=True, within=5)
    cells = {
        key: EXPERIMENT.model_copy(update={"name": cell.name, "train": cell.train})
        for key, cell in load_cells(run).items()
    }
    monkeypatch.setattr(table, "load_cells", lambda _run: cells)
    for key in (("v-net-dice", "mc"), ("u-net", "mc")):
        cross_validate(cells[key], tmp_path, print, first=None if key[0] == "u-net" else 1)
    (tmp_path / "mc-u-net-reduced" / "fold0" / LOSS_FILE).write_text(
        "step,seconds\n100,0.1\n375,0.1\n"
    )
    trained.clear()

    table.write_done(run, tmp_path, tmp_path / "table.md", print)

    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert trained == []
    assert "1 of 15 cells are done" in text  # of the V-Net one fold is missing
    assert "Each network has learnt from 1500 frames." in text
    assert "at most 375 steps and 5 minutes with 4 image(s) a step" in text
    assert "2 folds, no early stopping" in text
    assert "| 3D U-Net | 100.0" in text


def test_a_cell_by_minutes_is_an_experiment_of_its_own():
    run = TableRun(minutes=9, pack="joints.npz")

    cell = run.experiment("v-net-dice", "nv")

    assert (cell.name, cell.train.minutes) == ("nv-v-net-dice-9-min", 9)
    assert cell.data.pack == "joints.npz"
    assert run.command == "python -m training table --minutes 9"


def test_a_cell_that_ends_by_the_clock_at_most_cannot_be_one_by_minutes_too():
    assert TableRun(within=2).experiment("u-net", "mc").train.within_minutes == 2
    with pytest.raises(ConfigError, match="must not both be given, got 9 and 2"):
        TableRun(minutes=9, within=2).experiment("u-net", "mc")


def test_a_cell_that_there_is_not_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"--cell must be one of mc-u-net, .* got 'mc-w-net'"):
        table.train_cell("mc-w-net", TableRun(), tmp_path, print)


@pytest.mark.usefixtures("_cubes")
def test_weights_too_large_to_bring_home_are_removed_once_they_are_judged(trained, tmp_path):
    folder = tmp_path / "cubes" / "fold0"
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"x" * 100)

    cross_validate(EXPERIMENT, tmp_path, print, first=1, largest_weights=99)

    assert [name for name, *_ in trained] == ["fold0"]
    assert not (folder / WEIGHTS).exists()
