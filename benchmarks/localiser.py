"""The localiser on every scan that it has not seen, and on scans cropped beside the joints.

    python benchmarks/localiser.py DATA RUNS [FOLD ...]

Each fold's network is judged on the heads of ``DATA/tmj`` and ``DATA/headneck`` that it held out:
how far from the marked centre each joint is found, whether the two were swapped. Four heads of
each fold are cropped to end 25 mm above or below both joints, where none must be reported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from negvol_cli.config import Side
from negvol_cli.localisation import Localisation
from negvol_cli.volume import Grid, Vector, Volume
from training.config import Experiment, load_experiment
from training.evaluate import find
from training.joints import joint_centres, read_volume
from training.loop import load_trained

CROPPED_PER_FOLD = 4
AWAY_MM = 25.0
LEAST_SLICES = 8
FAR_MM = 12.0
PATTERNS = {"tmj": "{}/ct.nii.gz", "headneck": "{}.nii.gz"}


@dataclass(frozen=True, slots=True)
class Head:
    """A scan's file with the marked centres of its joints."""

    name: str
    path: Path
    centres: dict[Side, Vector]


def heads_of(data: Path, names: tuple[str, ...]) -> Iterator[Head]:
    """The named heads of both folders."""
    for group, pattern in PATTERNS.items():
        for name, centres in joint_centres(data / group).items():
            if name in names:
                yield Head(name, data / group / pattern.format(name), centres)


def distances(found: Localisation, centres: dict[Side, Vector]) -> tuple[dict[Side, float], bool]:
    """How far each joint was found from its mark, mm, and whether the two were swapped."""
    off = {}
    swapped = False
    for side in Side:
        joint = found[side]
        if joint is None:
            off[side] = float("inf")
            continue
        here, there = (
            float(np.linalg.norm(np.subtract(joint.centre_mm_xyz, centres[other])))
            for other in (side, side.other)
        )
        off[side] = here
        swapped |= there < here
    return off, swapped


def cropped(volume: Volume, centres: dict[Side, Vector], above: bool) -> Volume | None:
    """What the scan shows 25 mm above or below both joints; None where that is next to nothing."""
    grid = volume.grid
    z = grid.origin_mm_xyz[2] + np.arange(grid.size_xyz[2]) * grid.spacing_mm_xyz[2]
    heights = [centre[2] for centre in centres.values()]
    kept = np.flatnonzero(z > max(heights) + AWAY_MM if above else z < min(heights) - AWAY_MM)
    if len(kept) < LEAST_SLICES:
        return None
    x, y, _ = grid.origin_mm_xyz
    nx, ny, _ = grid.size_xyz
    part = Grid((nx, ny, len(kept)), grid.spacing_mm_xyz, (x, y, float(z[kept[0]])))
    return Volume(volume.values_zyx[kept[0] : kept[-1] + 1], part)


def judge_fold(
    experiment: Experiment, data: Path, runs: Path, fold: int
) -> tuple[list[float], int, int, int]:
    """Distances, swaps, cropped scans, and those of them in which a joint was reported."""
    network = load_trained(experiment, runs / experiment.name / f"fold{fold}", 2)
    off, swaps, crops, invented = [], 0, 0, 0
    for head in heads_of(data, experiment.folds.held_out[fold]):
        volume = read_volume(head.path)
        found, swapped = distances(find(network, experiment, volume), head.centres)
        off += found.values()
        swaps += swapped
        if swapped or max(found.values()) > FAR_MM:
            each = ", ".join(f"{side} {mm:.1f} mm" for side, mm in found.items())
            print(f"{head.name}: {each}{', swapped' if swapped else ''}", flush=True)
        part = cropped(volume, head.centres, above=crops % 2 == 0)
        if part is not None and crops < CROPPED_PER_FOLD:
            crops += 1
            result = find(network, experiment, part)
            if any(result[side] is not None for side in Side):
                invented += 1
                print(f"{head.name}: a joint was reported in a crop without one", flush=True)
    return off, swaps, crops, invented


def main() -> None:
    """Print those far off, and what all folds come to."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    data, runs = Path(sys.argv[1]), Path(sys.argv[2])
    config = Path(__file__).parents[1] / "training" / "configs" / "localiser.toml"
    experiment = load_experiment(config)
    folds = [int(fold) for fold in sys.argv[3:]] or range(len(experiment.folds.held_out))
    off: list[float] = []
    swaps = crops = invented = 0
    for fold in folds:
        more, *counts = judge_fold(experiment, data, runs, fold)
        off += more
        swaps, crops, invented = (
            a + b for a, b in zip((swaps, crops, invented), counts, strict=True)
        )
    missed = sum(np.isinf(off))
    print(
        f"{len(off)} joints in {len(folds)} folds: median {np.median(off):.1f} mm, "
        f"{np.mean(np.array(off) <= FAR_MM):.1%} within {FAR_MM:g} mm, {missed} not found, "
        f"{swaps} swapped; {invented} of {crops} cropped scans with a joint reported"
    )


if __name__ == "__main__":
    main()
