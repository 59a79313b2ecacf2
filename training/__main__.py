"""``python -m training check|train|eval|crossval|table``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from training.config import ConfigError, load_experiment

if TYPE_CHECKING:
    from training.config import Experiment
    from training.data.folds import Fold


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train the networks of negvol and judge them on heads they have not seen."""


def _explained(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as err:
            raise click.ClickException(str(err)) from err

    return run


_config = click.option(
    "--config", required=True, type=click.Path(path_type=Path), help="The experiment's TOML file."
)
_fold = click.option(
    "--fold", type=int, help="Only this fold (from 0); default: all, for train also the final."
)
_runs = click.option("--runs", default="runs", show_default=True, type=click.Path(path_type=Path))
_threads = click.option(
    "--threads", type=click.IntRange(min=1), help="Threads on the CPU; default: all."
)


@main.command("check")
@click.option(
    "--dataset", required=True, type=click.Path(path_type=Path), help="A dataset.toml of your own."
)
@_explained
def check_command(dataset: Path) -> None:
    """List everything that is wrong with a dataset; exit code 1 where something is."""
    from training.data.dataset import read_dataset
    from training.data.dataset_check import require_sound

    described = read_dataset(dataset)
    require_sound(described)
    joints = sum(len(case.drawn) for case in described.cases)
    patients = len({case.patient for case in described.cases})
    _say(
        f"{described.name}: {patients} patients, {len(described.cases)} scans, {joints} joints "
        "drawn; nothing is wrong"
    )


@main.command("train")
@_config
@_fold
@_runs
@click.option("--final", is_flag=True, help="Only the final network, trained on every head.")
@_threads
@_explained
def train_command(
    config: Path, fold: int | None, runs: Path, final: bool, threads: int | None
) -> None:
    """Train each fold's network and the final one; goes on where it was stopped."""
    from training.loop.train import train

    _use(threads)
    experiment = _sound(load_experiment(config), runs)
    for one in _trainings(experiment, fold, final):
        _say(f"{experiment.name} {one.name}, held out: {', '.join(one.held_out) or 'none'}")
        train(experiment, runs / experiment.name / one.name, one.held_out, _say, one.validation)


@main.command("eval")
@_config
@_fold
@_runs
@_threads
@_explained
def eval_command(config: Path, fold: int | None, runs: Path, threads: int | None) -> None:
    """Judge each fold's network on the heads it has not seen; writes and prints a table."""
    from training.evaluate.held_out import score_heads, score_joints
    from training.evaluate.scores import score_frames, write_rows
    from training.loop.train import KEPT, load_trained

    _use(threads)
    experiment = load_experiment(config)
    kind = experiment.data.object
    rows: list[Any] = []
    for one in _trainings(experiment, fold, final=False):
        if not one.held_out:
            continue
        folder = runs / experiment.name / one.name
        network = load_trained(experiment, folder, len(experiment.data.channels))
        if kind == "heads":
            rows += score_heads(network, experiment, one.held_out)
        elif kind == "joints":
            rows += score_joints(network, experiment, one.held_out)
        else:
            rows += score_frames(network, experiment, one, runs / KEPT)
    if not rows:
        raise click.ClickException(f"{config} holds no head out, so there is nothing to judge")
    write_rows(rows, runs / experiment.name / "scores.csv")
    _print(rows)


@main.command("crossval")
@_config
@_runs
@_threads
@_explained
def crossval_command(config: Path, runs: Path, threads: int | None) -> None:
    """Train and judge every fold; per patient and side in CSV, and mean ± sd."""
    from training.evaluate.crossval import cross_validate

    _use(threads)
    result = cross_validate(_sound(load_experiment(config), runs), runs, _say)
    _print(result.scores)
    for summary in result.summaries:
        finite = summary.joints - summary.infinite
        click.echo(
            f"{summary.label} {summary.measure}: {summary.mean:.3f} ± {summary.sd:.3f} "
            f"over {finite} of {summary.joints} joints"
        )


@main.command("table")
@click.option(
    "--out", default="docs/paper_table.md", show_default=True, type=click.Path(path_type=Path)
)
@click.option("--reduced", is_flag=True, help="Small and short, for a machine without a GPU.")
@_runs
@_threads
@_explained
def table_command(out: Path, reduced: bool, runs: Path, threads: int | None) -> None:
    """Train and judge five networks on MC, TB and NV, and write the paper's table of them."""
    from training.evaluate.table import make_table

    _use(threads)
    make_table(runs, out, reduced, _say)


def _sound(experiment: Experiment, runs: Path) -> Experiment:
    """The experiment, once its dataset, if it names one, is found without fault."""
    from training.data.dataset import dataset_of
    from training.data.dataset_check import require_sound
    from training.loop.train import KEPT

    if experiment.data.dataset:
        require_sound(dataset_of(experiment.data), runs / KEPT)
    return experiment


def _use(threads: int | None) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)


def _say(line: str) -> None:
    click.echo(line)


def _print(rows: list[Any]) -> None:
    """Rows of one dataclass as a markdown table, and the mean of every column of figures."""
    names = [f.name for f in fields(rows[0])]
    click.echo("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        cells = (v if isinstance(v, str) else f"{v:.3f}" for v in asdict(row).values())
        click.echo("| " + " | ".join(cells) + " |")
    for name in names:
        values = [getattr(row, name) for row in rows]
        if not isinstance(values[0], str):
            click.echo(
                f"{name}: mean {np.mean(values):.3f}, median {np.median(values):.3f}, "
                f"from {min(values):.3f} to {max(values):.3f}"
            )


def _trainings(experiment: Experiment, fold: int | None, final: bool) -> list[Fold]:
    from training.data.folds import FINAL, folds_of

    if final:
        return [FINAL]
    folds = folds_of(experiment)
    if fold is None:
        return [*folds, FINAL]
    if not 0 <= fold < len(folds):
        raise click.ClickException(f"--fold must lie between 0 and {len(folds) - 1}, got {fold}")
    return [folds[fold]]


if __name__ == "__main__":
    sys.exit(main())
