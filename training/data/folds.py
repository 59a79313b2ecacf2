"""Which heads each training leaves out, and which it stops by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.config import ConfigError, Experiment
from training.data.sources import folds_of_data, heads_of_data


@dataclass(frozen=True, slots=True)
class Fold:
    """One training: what it is called, and the heads it does not learn from."""

    name: str
    held_out: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()


FINAL = Fold("final")
"""The training on every head: nothing is left to stop it early by."""


def folds_of(experiment: Experiment) -> list[Fold]:
    """The folds of an experiment; a head, with both its joints, is held out at most once.

    Raises ConfigError where a head is not in the data or too few are left to learn from.
    """
    settings, seed = experiment.folds, experiment.train.seed
    named = settings.held_out or (() if settings.count else folds_of_data(experiment.data))
    if not named and not settings.count:
        return []
    heads = heads_of(experiment)
    held_out = named or _deal(heads, settings.count, seed)
    _require_known("judged_only", settings.judged_only, heads, experiment)
    folds = []
    for index, fold in enumerate(held_out):
        _require_known("held_out", fold, heads, experiment)
        others = [head for head in heads if head not in (*fold, *settings.judged_only)]
        if len(others) <= settings.validation:
            raise ConfigError(
                f"folds.validation must be below {len(others)}, the heads that fold {index} leaves "
                f"to learn from, got {settings.validation}"
            )
        order = np.random.default_rng([seed, index]).permutation(len(others))
        validation = tuple(sorted(others[i] for i in order[: settings.validation]))
        folds.append(Fold(f"fold{index}", tuple(fold), validation))
    return folds


def _require_known(
    key: str, named: tuple[str, ...], heads: list[str], experiment: Experiment
) -> None:
    data = experiment.data
    unknown = sorted(set(named) - set(heads))
    if unknown:
        raise ConfigError(
            f"folds.{key} names {unknown[0]!r}, which is not in "
            f"{data.pack or data.dataset or data.folder}; there are {', '.join(heads)}"
        )


def heads_of(experiment: Experiment) -> list[str]:
    """The heads (patients) that an experiment can learn from, in order."""
    return heads_of_data(experiment.data)


def _deal(heads: list[str], count: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Heads in a random order, dealt to ``count`` folds like cards."""
    if count > len(heads):
        raise ConfigError(f"folds.count must be at most the {len(heads)} heads, got {count}")
    order = np.random.default_rng(seed).permutation(len(heads))
    return tuple(tuple(sorted(heads[i] for i in order[k::count])) for k in range(count))
