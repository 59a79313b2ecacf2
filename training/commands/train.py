"""``python -m training train``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from training.commands.options import (
    chosen_trainings,
    config_option,
    explained,
    folds_option,
    minutes_option,
    pack_option,
    read_experiment,
    runs_option,
    say,
    sound,
    threads_option,
    use_threads,
)

if TYPE_CHECKING:
    from training.config import Experiment
    from training.data.folds import Fold


@click.command("train")
@config_option
@folds_option
@minutes_option
@pack_option
@runs_option
@click.option("--side-by-side", is_flag=True, help="All trainings at once, each in a process.")
@click.option("--at-once", type=click.IntRange(min=1), help="With --side-by-side: how many.")
@click.option("--tidy", is_flag=True, help="Remove the checkpoint of a training that is finished.")
@threads_option
@explained
def train(
    *,
    config: Path,
    chosen: str,
    minutes: float | None,
    pack: Path | None,
    runs: Path,
    side_by_side: bool,
    at_once: int | None,
    tidy: bool,
    threads: int | None,
) -> None:
    """Train each fold's network and the final one; goes on where it was stopped."""
    use_threads(threads)
    experiment = sound(read_experiment(config, pack, minutes), runs)
    trainings = chosen_trainings(experiment, chosen)
    if not side_by_side:
        for one in trainings:
            _train(experiment, one, runs, tidy=tidy)
        return
    from training.data.sources import prepare
    from training.loop.side_by_side import run_side_by_side
    from training.loop.train import KEPT

    prepare(experiment.data, experiment.train.seed, runs / KEPT)
    shared = ["train", "--config", str(config), "--runs", str(runs)]
    shared += ["--pack", str(pack)] if pack else []
    shared += ["--minutes", f"{minutes:g}"] if minutes else []
    shared += ["--threads", str(threads)] if threads else []
    shared += ["--tidy"] if tidy else []
    commands = {one.name: [*shared, "--folds", _number(one)] for one in trainings}
    run_side_by_side(commands, at_once or len(commands), say)


def _train(experiment: Experiment, one: Fold, runs: Path, *, tidy: bool) -> None:
    """Train one network, unless it is finished and tidied up already."""
    from training.data.sources import prepare
    from training.loop.train import CHECKPOINT, KEPT, WEIGHTS
    from training.loop.train import train as train_one

    folder = runs / experiment.name / one.name
    if (folder / WEIGHTS).is_file() and not (folder / CHECKPOINT).is_file():
        say(f"{experiment.name} {one.name}: finished already, {folder / WEIGHTS}")
        return
    say(f"{experiment.name} {one.name}, held out: {_listed(one.held_out)}")
    prepare(experiment.data, experiment.train.seed, runs / KEPT)  # before the clock starts
    train_one(experiment, folder, one.held_out, say, one.validation)
    if tidy:
        (folder / CHECKPOINT).unlink(missing_ok=True)


def _number(one: Fold) -> str:
    return one.name.removeprefix("fold")


def _listed(heads: Sequence[str]) -> str:
    return ", ".join(heads) or "none"
