"""Segmenters on heads that they have not seen, as scanned and as cone beam would show them.

    python -m benchmarks.unseen_machine PACK RUNS [--config FILE] [--frames FOLDER]

Every joint of a pack is judged by the network of the fold that held its head out, alone, in a frame
about its true centre: Dice, and Dice of shape (``training.evaluate.shape``), mean and lowest joint.
The machine is that of the ablation, by each joint's name; no training draws it. FOLDER keeps its
scans.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.tables import markdown
from training.config import load_experiment
from training.data.folds import folds_of
from training.evaluate.ablation import judged
from training.evaluate.ablation_page import SIMULATED
from training.evaluate.held_out import JointScore

CONFIG: Final = Path("training/configs/segmenter-further.toml")
MEASURES: Final = {
    "MC Dice": "condyle_dice",
    "TB Dice": "bone_dice",
    "MC shape": "condyle_shape_dice",
    "TB shape": "bone_shape_dice",
}


def row(name: str, scores: Sequence[JointScore]) -> dict[str, str | int]:
    """Mean and, in brackets, lowest of each measure over the joints, as a row of the table."""
    cells: dict[str, str | int] = {"scans": name, "joints": len(scores)}
    for heading, measure in MEASURES.items():
        values = [getattr(score, measure) for score in scores]
        cells[heading] = f"{np.mean(values):.3f} ({min(values):.3f})"
    return cells


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--frames", type=Path, help="A folder to keep the machine's scans in.")
    given = parser.parse_args()
    experiment = load_experiment(given.config).changed(data={"pack": str(given.pack)})
    folder = given.runs / experiment.name
    scores = [
        score
        for fold in folds_of(experiment)
        for score in judged(experiment, folder, fold, given.frames)
    ]
    simulated = [score for score in scores if score.head.endswith(SIMULATED)]
    scanned = [score for score in scores if not score.head.endswith(SIMULATED)]
    print(markdown([row("as they were", scanned), row("simulated cone beam", simulated)]))


if __name__ == "__main__":
    main()
