"""What a bent grey scale does to rows of the ablation, on joints that they have not seen.

    python -m benchmarks.bent_greys PACK RUNS ROW [ROW...] [--config FILE]

Every voxel from -1000 to 3000 HU is moved along a power curve between these ends, which keeps the
order of all intensities. No training draws such curves, so that no row is judged by its own lesson.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Volume
from training.data.folds import folds_of
from training.data.joints import JointSample, as_stored
from training.data.sources import real_joints
from training.evaluate.ablation import Ablation
from training.evaluate.held_out import score_source
from training.loop.tasks import sources_of
from training.loop.train import KEPT, load_trained

CONFIG: Final = Path("training/configs/ablation.toml")
LOWEST_HU, HIGHEST_HU = -1000.0, 3000.0
POWERS: Final = (1.0, 0.6, 0.75, 1.35, 1.7)


def bent(joint: JointSample, power: float) -> JointSample:
    """The joint with intensities along a curve; below 1 brightens what lies between the ends."""
    assert joint.ct is not None
    span = HIGHEST_HU - LOWEST_HU
    share = (np.clip(joint.ct.values_zyx, LOWEST_HU, HIGHEST_HU) - LOWEST_HU) / span
    values = (LOWEST_HU + span * share**power).astype(np.float32)
    return replace(joint, ct=as_stored(Volume(values, joint.ct.grid)))


def scores(made: Ablation, row: str) -> list[tuple[float, float]]:
    """The mean Dice of condyle and bone at each of ``POWERS``, of a row's first fold."""
    experiment = made.experiment(row)
    fold = folds_of(experiment)[0]
    network = load_trained(experiment, made.runs / experiment.name / fold.name, 2)
    joints = [j for j in real_joints(experiment.data, made.runs / KEPT) if j.head in fold.held_out]
    means = []
    for power in POWERS:
        seen: Sequence[JointSample] = [bent(joint, power) for joint in joints]
        found = [
            score_source(network, source, experiment)
            for source in sources_of(seen, experiment, "cpu")
        ]
        condyle, bone = ([getattr(s, f"{n}_dice") for s in found] for n in ("condyle", "bone"))
        means.append((float(np.mean(condyle)), float(np.mean(bone))))
    return means


def main() -> None:
    """Print a table of rows and curves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("rows", nargs="+")
    parser.add_argument("--config", type=Path, default=CONFIG)
    given = parser.parse_args()
    made = Ablation(given.config, given.runs, Path(), str(given.pack), 1)
    print("| left out | " + " | ".join(f"power {power:g}" for power in POWERS) + " |")
    print("|---" + "|---:" * len(POWERS) + "|")
    for row in given.rows:
        cells = " | ".join(f"{mc:.3f} / {tb:.3f}" for mc, tb in scores(made, row))
        print(f"| {row} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
