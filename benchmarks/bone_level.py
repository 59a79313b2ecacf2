"""At which probability bone should end: Dice of temporal bone on unseen heads, level by level.

    python -m benchmarks.bone_level DATA RUNS

Each left joint is segmented by the fold that held its head out, the frame at its true centre and
resampled as ``negvol run`` does it. Given are Dice and the ratio of volumes within 4 mm of the
condyle (as far as 24 mm from the joint's centre), where the joint space is, and Dice from there
to 20 mm. ``network.levels`` of the segmenter's config was chosen from this table.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from torch import nn

from negvol_cli.geometry.grid import Vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu, resample_nearest
from negvol_cli.inference.normalise import normalise
from negvol_cli.structures import Label, Side
from training.config import load_experiment
from training.data.annotations import read_volume
from training.data.dataset import joint_centres
from training.evaluate.predict import predict
from training.loop.train import load_trained

LEVELS = (0.5, 0.4, 0.35, 0.3, 0.2)
NEAR_MM, FAR_MM, CONDYLE_MM = 4.0, 20.0, 24.0
SIDE = Side.LEFT

Mask = npt.NDArray[np.bool_]


def main() -> None:
    """Print a row per head and their mean."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]) / "tmj"
    config = Path(__file__).parents[1] / "training" / "configs" / "segmenter.toml"
    experiment = load_experiment(config)
    experiment = experiment.changed(network={"levels": ()})
    runs = Path(sys.argv[2]) / experiment.name
    print("| head | " + " | ".join(f"near, ratio, far at {level:g}" for level in LEVELS) + " |")
    print("|---" * (len(LEVELS) + 1) + "|")
    centres = joint_centres(folder)
    table = []
    for index, heads in enumerate(experiment.folds.held_out):
        network = load_trained(experiment, runs / f"fold{index}", 2)
        for head in heads:
            row = row_of(network, folder / head, centres[head][SIDE], experiment.data.window_hu)
            table.append(row)
            print(line(head, row), flush=True)
    print(line("mean", list(np.mean(table, axis=0))))


def row_of(
    network: nn.Module, folder: Path, centre_mm: Vector, window_hu: tuple[float, float]
) -> list[float]:
    """Dice near, ratio of volumes near and Dice far at each level, of the head in ``folder``."""
    frame = JointFrame(SIDE, centre_mm)
    ct = read_volume(folder / "ct.nii.gz")
    condyle_p, bone_p = predict(network, normalise(frame_hu(ct, frame), window_hu))
    stored = read_volume(folder / f"{SIDE}.nii.gz")
    labels = frame.mirror(resample_nearest(stored, frame.grid))
    near, far = zones(labels, frame)
    bone = labels == Label.TEMPORAL_BONE
    row = []
    for level in LEVELS:
        found = (bone_p > level) & (bone_p >= condyle_p)
        ratio = float((found & near).sum() / (bone & near).sum())
        row += [dice(found & near, bone & near), ratio, dice(found & far, bone & far)]
    return row


def zones(labels: npt.NDArray[np.uint8], frame: JointFrame) -> tuple[Mask, Mask]:
    """Within 4 mm of the condyle, where the joint space is, and from there to 20 mm; [z, y, x]."""
    index_zyx = np.indices(labels.shape).T - (np.array(labels.shape) - 1) / 2
    from_centre = np.linalg.norm(index_zyx, axis=-1).T * frame.spacing_mm
    condyle = (labels == Label.CONDYLE) & (from_centre <= CONDYLE_MM)
    away = distance_transform_edt(~condyle) * frame.spacing_mm
    return (away > 0) & (away <= NEAR_MM), (away > NEAR_MM) & (away <= FAR_MM)


def dice(one: Mask, other: Mask) -> float:
    """The Dice coefficient of two masks."""
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


def line(name: str, row: list[float]) -> str:
    """One row of the table: three figures a level."""
    cells = (f"{row[i]:.3f}, {row[i + 1]:.2f}, {row[i + 2]:.3f}" for i in range(0, len(row), 3))
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
