"""Every fold of an experiment: train, judge, sum up; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from training.config import ConfigError, Experiment
from training.data.folds import Fold, folds_of
from training.evaluate.scores import (
    FrameScore,
    Summary,
    read_rows,
    score_frames,
    summarise,
    write_rows,
)
from training.loop.train import CHECKPOINT, KEPT, WEIGHTS, load_trained, train

SCORES: Final = "crossval.csv"
SUMMARY: Final = "summary.csv"


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The scores of every held-out joint, and their summary."""

    scores: list[FrameScore]
    summaries: list[Summary]


def cross_validate(
    experiment: Experiment,
    runs: Path,
    say: Callable[[str], None],
    *,
    first: int | None = None,
    largest_weights: int | None = None,
) -> CrossValidation:
    """Train and judge every fold below ``runs/experiment``; writes crossval.csv and summary.csv.

    A fold whose scores are there is not done again; its checkpoint is removed. With ``first``,
    only so many folds are done; with ``largest_weights``, files of weights of more bytes are
    removed once they are judged. Networks are judged where they were trained. Raises ConfigError
    for the localiser, which is judged by ``eval``, and where no head is held out.
    """
    if experiment.data.object == "heads":
        raise ConfigError("data.object must not be 'heads' here: use train and eval")
    folds = folds_of(experiment)
    if not folds:
        raise ConfigError("folds.held_out or folds.count must be given: no head is held out")
    folder = runs / experiment.name
    scores: list[FrameScore] = []
    for fold in folds[:first]:
        path = folder / fold.name / SCORES
        if not path.is_file():
            held, by = ", ".join(fold.held_out), ", ".join(fold.validation)
            say(f"{experiment.name} {fold.name}, held out: {held}; stops by: {by or 'none'}")
            train(experiment, path.parent, fold.held_out, say, fold.validation)
            write_rows(_judged(experiment, fold, runs), path)
            (path.parent / CHECKPOINT).unlink(missing_ok=True)
            weights = path.parent / WEIGHTS
            if largest_weights is not None and weights.stat().st_size > largest_weights:
                weights.unlink()
        scores += read_rows(FrameScore, path)
    summaries = summarise(scores)
    write_rows(scores, folder / SCORES)
    write_rows(summaries, folder / SUMMARY)
    return CrossValidation(scores, summaries)


def finished(
    experiment: Experiment, runs: Path, first: int | None = None
) -> CrossValidation | None:
    """The scores of an experiment, or of its first folds, where each of those is judged."""
    folder = runs / experiment.name
    paths = [folder / fold.name / SCORES for fold in folds_of(experiment)[:first]]
    if not all(path.is_file() for path in paths):
        return None
    scores = [row for path in paths for row in read_rows(FrameScore, path)]
    return CrossValidation(scores, summarise(scores))


def _judged(experiment: Experiment, fold: Fold, runs: Path) -> list[FrameScore]:
    folder = runs / experiment.name / fold.name
    network = load_trained(experiment, folder, len(experiment.data.channels))
    if torch.cuda.is_available():
        network = network.cuda()
    return score_frames(network, experiment, fold, runs / KEPT)
