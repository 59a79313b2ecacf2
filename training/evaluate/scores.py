"""Judging a network on whole joint frames, as the paper's table does, and summing it up."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints
from uuid import uuid4

import numpy as np
from torch import nn

from negvol_cli.evaluation.metrics import compare, cross_entropy
from training.augment.frames import still_frame
from training.config import Experiment
from training.data.folds import Fold
from training.evaluate.predict import probabilities
from training.loop.tasks import joint_sources

Row = TypeVar("Row")

PAPER_VOXEL_MM: Final = 0.4
MEASURES: Final = ("dice", "ce", "hd_mm", "hd_voxels", "hd95_mm", "iou")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScore:
    """One label in one joint's frame against its reference, where that is known.

    ``ce`` is the mean binary cross-entropy in nats, ``hd_voxels`` the Hausdorff distance in voxels
    of 0.4 mm, as the paper gives it. Where nothing was found the distances are infinite.
    """

    fold: str
    head: str
    side: str
    label: str
    dice: float
    ce: float
    hd_mm: float
    hd_voxels: float
    hd95_mm: float
    iou: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One measure of one label over all joints: mean and standard deviation of the finite ones.

    ``infinite`` is the number of joints that have none, because nothing was found there.
    """

    label: str
    measure: str
    mean: float
    sd: float
    joints: int
    infinite: int


def score_frames(
    network: nn.Module, experiment: Experiment, fold: Fold, kept: Path | None = None
) -> list[FrameScore]:
    """Both joints of each head that a fold holds out, in frames about the true centres."""
    spacing = experiment.data.spacing_mm
    scores = []
    for source in joint_sources(experiment, fold.held_out, kept=kept):
        image, target, known = still_frame(source, experiment)
        where = known[0, 0].numpy() > 0
        probability = probabilities(network, image)
        for channel, label in enumerate(experiment.data.channels):
            reference = (target[0, channel].numpy() > 0.5) & where
            predicted = (probability[channel] > 0.5) & where
            found = compare(predicted, reference, (spacing,) * 3)
            scores.append(
                FrameScore(
                    fold=fold.name,
                    head=source.head,
                    side=source.side.value,
                    label=label,
                    dice=found.dice,
                    ce=cross_entropy(probability[channel][where], reference[where]),
                    hd_mm=found.hausdorff_mm,
                    hd_voxels=found.hausdorff_mm / PAPER_VOXEL_MM,
                    hd95_mm=found.hd95_mm,
                    iou=found.iou,
                )
            )
    return scores


def summarise(scores: Sequence[FrameScore]) -> list[Summary]:
    """Mean and sample standard deviation of every measure of every label."""
    summaries = []
    for label in dict.fromkeys(score.label for score in scores):
        for measure in MEASURES:
            values = np.array([getattr(s, measure) for s in scores if s.label == label])
            finite = values[np.isfinite(values)]
            summaries.append(
                Summary(
                    label=label,
                    measure=measure,
                    mean=float(finite.mean()) if len(finite) else float("nan"),
                    sd=float(finite.std(ddof=1)) if len(finite) > 1 else float("nan"),
                    joints=len(values),
                    infinite=len(values) - len(finite),
                )
            )
    return summaries


def write_rows(rows: Sequence[Any], path: Path) -> None:
    """Dataclass instances of one kind as a CSV file, whole or not at all."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    with partial.open("x", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(rows[0])])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    partial.replace(path)


def read_rows(kind: type[Row], path: Path) -> list[Row]:
    """What ``write_rows`` wrote of instances of ``kind``."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = get_type_hints(kind)
    return [kind(**{key: kinds[key](value) for key, value in row.items()}) for row in rows]
