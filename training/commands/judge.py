"""``python -m training eval`` and ``python -m training crossval``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from training.commands.options import (
    chosen_trainings,
    config_option,
    explained,
    folds_option,
    minutes_option,
    pack_option,
    print_table,
    read_experiment,
    runs_option,
    say,
    sound,
    threads_option,
    use_threads,
)
from training.config import ConfigError


@click.command("eval")
@config_option
@folds_option
@pack_option
@runs_option
@threads_option
@explained
def evaluate(config: Path, chosen: str, pack: Path | None, runs: Path, threads: int | None) -> None:
    """Judge each fold's network on the heads it has not seen; writes and prints a table."""
    from training.evaluate.held_out import score_heads, score_joints
    from training.evaluate.scores import score_frames, write_rows
    from training.loop.train import KEPT, load_trained

    use_threads(threads)
    experiment = read_experiment(config, pack)
    kind = experiment.data.object
    rows: list[Any] = []
    for one in chosen_trainings(experiment, chosen):
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
        raise ConfigError(f"{config} holds no head out, so there is nothing to judge")
    write_rows(rows, runs / experiment.name / "scores.csv")
    print_table(rows)


@click.command("crossval")
@config_option
@minutes_option
@pack_option
@runs_option
@threads_option
@explained
def crossval(
    config: Path, minutes: float | None, pack: Path | None, runs: Path, threads: int | None
) -> None:
    """Train and judge every fold; per patient and side in CSV, and mean ± sd."""
    from training.evaluate.crossval import cross_validate

    use_threads(threads)
    result = cross_validate(sound(read_experiment(config, pack, minutes), runs), runs, say)
    print_table(result.scores)
    for summary in result.summaries:
        finite = summary.joints - summary.infinite
        click.echo(
            f"{summary.label} {summary.measure}: {summary.mean:.3f} ± {summary.sd:.3f} "
            f"over {finite} of {summary.joints} joints"
        )
