"""At which probability bone should end: Dice of temporal bone on unseen heads, level by level.

    python benchmarks/bone_level.py DATA RUNS

Each left joint is segmented by the fold that held its head out, the frame at its true centre.
Given are Dice and the ratio of volumes within 4 mm of the condyle, where the joint space is, and
Dice from there to 20 mm. ``network.levels`` of the segmenter's config was chosen from this table.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from training.config import load_experiment
from training.evaluate import predict
from training.loop import load_trained
from training.tasks import joint_sources, still

LEVELS = (0.5, 0.4, 0.3, 0.2, 0.1)
NEAR_MM, FAR_MM = 4.0, 20.0


def main() -> None:
    """Print a row per head and their mean."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    config = Path(__file__).parents[1] / "training" / "configs" / "segmenter.toml"
    experiment = load_experiment(config)
    experiment = replace(
        experiment,
        data=replace(experiment.data, folder=sys.argv[1]),
        network=replace(experiment.network, levels=()),
    )
    runs = Path(sys.argv[2]) / experiment.name
    print("| head | " + " | ".join(f"near, ratio, far at {level:g}" for level in LEVELS) + " |")
    print("|---" * (len(LEVELS) + 1) + "|")
    table = []
    sources = [s for s in joint_sources(experiment) if s.side.value == "left"]
    for index, heads in enumerate(experiment.folds.held_out):
        network = load_trained(experiment, runs / f"fold{index}", 2)
        for source in (s for s in sources if s.head in heads):
            image, target, known = (part.cpu().numpy() for part in still(source, experiment))
            probability = predict(network, image[0])[1]
            condyle, bone = target > 0.5
            away = distance_transform_edt(~condyle) * experiment.data.spacing_mm
            near = (away <= NEAR_MM) & (known[0] > 0)
            far = (away > NEAR_MM) & (away <= FAR_MM) & (known[0] > 0)
            row = []
            for level in LEVELS:
                found = probability > level
                for where in (near, far):
                    both = 2.0 * float((found & bone & where).sum())
                    row.append(both / float((found & where).sum() + (bone & where).sum()))
                row.insert(-1, float((found & near).sum() / (bone & near).sum()))
            table.append(row)
            print(line(source.head, row), flush=True)
    print(line("mean", list(np.mean(table, axis=0))))


def line(name: str, row: list[float]) -> str:
    """One row of the table: three figures a level."""
    cells = (f"{row[i]:.3f}, {row[i + 1]:.2f}, {row[i + 2]:.3f}" for i in range(0, len(row), 3))
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
