"""``python -m training train|eval --config FILE``."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
import numpy as np

from training.config import ConfigError, Experiment, load_experiment


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train the networks of negvol and judge them on heads they have not seen."""


def _options(command: Any) -> Any:
    command = click.option(
        "--config", "config", required=True, type=click.Path(path_type=Path), help="Experiment."
    )(command)
    command = click.option(
        "--fold", type=int, help="Only this fold (from 0); default: all, for train also the final."
    )(command)
    return click.option(
        "--runs", default="runs", show_default=True, type=click.Path(path_type=Path)
    )(command)


@main.command("train")
@_options
@click.option("--final", is_flag=True, help="Only the final network, trained on every head.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads on the CPU; default: all.")
def train_command(
    config: Path, fold: int | None, runs: Path, final: bool, threads: int | None
) -> None:
    """Train each fold's network and the final one; goes on where it was stopped."""
    import torch

    from training.loop import train

    if threads:
        torch.set_num_threads(threads)

    experiment = _load(config)
    for name, held_out in _trainings(experiment, fold, final):
        click.echo(f"{experiment.name} {name}, held out: {', '.join(held_out) or 'none'}")
        train(experiment, runs / experiment.name / name, held_out, click.echo)


@main.command("eval")
@_options
def eval_command(config: Path, fold: int | None, runs: Path) -> None:
    """Judge each fold's network on the heads it has not seen; writes and prints a table."""
    from training.evaluate import score_heads, score_joints
    from training.loop import load_trained

    experiment = _load(config)
    score = score_joints if experiment.data.object == "joints" else score_heads
    rows: list[Any] = []
    for name, held_out in _trainings(experiment, fold, final=False):
        if held_out:
            network = load_trained(experiment, runs / experiment.name / name, 2)
            rows += score(network, experiment, held_out)
    if not rows:
        raise click.ClickException(f"{config} holds no head out, so there is nothing to judge")
    names = [f.name for f in fields(rows[0])]
    with (runs / experiment.name / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
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


def _load(config: Path) -> Experiment:
    try:
        return load_experiment(config)
    except ConfigError as err:
        raise click.ClickException(str(err)) from err


def _trainings(
    experiment: Experiment, fold: int | None, final: bool
) -> list[tuple[str, tuple[str, ...]]]:
    folds = [(f"fold{i}", heads) for i, heads in enumerate(experiment.folds.held_out)]
    if final:
        return [("final", ())]
    if fold is None:
        return [*folds, ("final", ())]
    if not 0 <= fold < len(folds):
        raise click.ClickException(f"--fold must lie between 0 and {len(folds) - 1}, got {fold}")
    return [folds[fold]]


if __name__ == "__main__":
    sys.exit(main())
