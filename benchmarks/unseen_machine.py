"""Segmenters on heads that they have not seen, as scanned and as cone beam would show them.

    python -m benchmarks.unseen_machine PACK RUNS [--config FILE] [--frames FOLDER]

Every joint of a pack is judged by the network of the fold that held its head out, alone, in a frame
about its true centre: Dice, and Dice of shape (``training.evaluate.shape``), mean and lowest joint.
The machine is that of the ablation, by each joint's name; no training draws it. FOLDER keeps its
scans.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from torch import nn

from training.config import Experiment, load_experiment
from training.data.folds import folds_of
from training.data.joints import JointSample
from training.data.pack import read_pack
from training.evaluate.ablation import simulated
from training.evaluate.held_out import JointScore, score_source
from training.loop.tasks import sources_of
from training.loop.train import load_trained

CONFIG: Final = Path("training/configs/segmenter-further.toml")
MEASURES: Final = ("condyle_dice", "bone_dice", "condyle_shape_dice", "bone_shape_dice")
HEADING: Final = (
    "| scans | joints | MC Dice | TB Dice | MC shape | TB shape |",
    "|---|---:|---:|---:|---:|---:|",
)


def judged(
    experiment: Experiment, joints: Sequence[JointSample], runs: Path, frames: Path | None
) -> Iterator[tuple[JointScore, JointScore]]:
    """The scores of each joint, as it was scanned and as the machine would have scanned it."""
    data = experiment.data
    for fold in folds_of(experiment):
        network = load_trained(experiment, runs / experiment.name / fold.name, 2)
        for joint in joints:
            if joint.head in fold.held_out:
                seen = simulated(joint, joint.frame(data.spacing_mm, data.size_zyx[0]), frames)
                yield _score(network, joint, experiment), _score(network, seen, experiment)


def row(name: str, scores: Sequence[JointScore]) -> str:
    """Mean and, in brackets, lowest of each measure over the joints, as a row of the table."""
    values = np.array([[getattr(score, measure) for measure in MEASURES] for score in scores])
    pairs = zip(values.mean(axis=0), values.min(axis=0), strict=True)
    cells = " | ".join(f"{mean:.3f} ({lowest:.3f})" for mean, lowest in pairs)
    return f"| {name} | {len(scores)} | {cells} |"


def _score(network: nn.Module, joint: JointSample, experiment: Experiment) -> JointScore:
    (source,) = sources_of([joint], experiment, "cpu")
    return score_source(network, source, experiment)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--frames", type=Path, help="A folder to keep the machine's scans in.")
    given = parser.parse_args()
    experiment = load_experiment(given.config)
    pairs = judged(experiment, read_pack(given.pack), given.runs, given.frames)
    scanned, simulated_ones = zip(*pairs, strict=True)
    print("\n".join(HEADING))
    print(row("as they were", scanned))
    print(row("simulated cone beam", simulated_ones))


if __name__ == "__main__":
    main()
