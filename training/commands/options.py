"""Options that several commands have, and what they make of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def explained(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose ConfigErrors are one sentence and exit code 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as err:
            raise click.ClickException(str(err)) from err

    return run


config_option = click.option(
    "--config", required=True, type=click.Path(path_type=Path), help="The experiment's TOML file."
)
runs_option = click.option(
    "--runs",
    default="runs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder below which checkpoints, weights and scores lie.",
)
threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="Threads on the CPU; default: all."
)
pack_option = click.option(
    "--pack",
    type=click.Path(path_type=Path),
    help="Train on what is packed in this file.",
)
minutes_option = click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Let each training last so long, whatever its steps.",
)
within_option = click.option(
    "--within",
    type=click.FloatRange(min=0, min_open=True),
    help="Minutes that the steps of a training may take; its schedule is hurried to end by then.",
)
folds_option = click.option(
    "--folds",
    "chosen",
    default="all",
    show_default=True,
    help="Which trainings: all (folds and final), final, or numbers from 0, as in 0,2 or 0,final.",
)


def read_experiment(config: Path, pack: Path | None, minutes: float | None = None) -> Experiment:
    """The experiment of a file, with what options change in it. Raises ConfigError."""
    changes: dict[str, dict[str, Any]] = {}
    if pack is not None:
        changes["data"] = {"pack": str(pack), "dataset": ""}
    if minutes is not None:
        changes["train"] = {"minutes": minutes}
    return load_experiment(config).changed(**changes)


def chosen_trainings(experiment: Experiment, chosen: str) -> list[Fold]:
    """The trainings that ``--folds`` names. Raises ConfigError."""
    from training.data.folds import FINAL, folds_of

    if chosen == "final":
        return [FINAL]
    folds = folds_of(experiment)
    if chosen == "all":
        return [*folds, FINAL]
    named = {str(number): fold for number, fold in enumerate(folds)} | {"final": FINAL}
    wanted = [part.strip() for part in chosen.split(",")]
    for part in wanted:
        if part not in named:
            raise ConfigError(f"--folds must be all or of {', '.join(named)}, got {part!r}")
    return [named[part] for part in wanted]


def use_threads(threads: int | None) -> None:
    """Let torch use so many threads of the CPU."""
    import torch

    if threads:
        torch.set_num_threads(threads)


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    click.echo(line)


def sound(experiment: Experiment, runs: Path) -> Experiment:
    """The experiment, once its dataset, if it names one, is found without fault."""
    from training.data.dataset_check import require_sound
    from training.data.dataset_toml import dataset_of
    from training.loop.train import KEPT

    if experiment.data.dataset:
        require_sound(dataset_of(experiment.data), runs / KEPT)
    return experiment


def print_table(rows: Sequence[Any]) -> None:
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
