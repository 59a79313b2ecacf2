"""The localiser over all folds: how far off, swapped sides, and joints where there are none.

    python -m training eval --config training/configs/localiser.toml --runs RUNS
    python -m benchmarks.localiser DATA RUNS

The first command judges each fold's network on the scans that it has not seen; this one sums its
``scores.csv`` up. Then four scans of each fold are cropped to end 25 mm above or below both
joints, in turn, and the fold's network must report no joint in what is left.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tables import Printed, asked_to_write
from negvol_cli.geometry.grid import Grid, Vector, Volume
from negvol_cli.structures import Side
from training.config import Experiment, load_experiment
from training.data.annotations import AnnotationReader, read_volume
from training.data.dataset_toml import dataset_of
from training.evaluate.predict import find
from training.loop.train import load_trained

CROPPED_PER_FOLD = 4
AWAY_MM = 25.0
LEAST_SLICES = 8
FAR_MM = 12.0


def cropped(volume: Volume, centres_mm: list[Vector], above: bool) -> Volume | None:
    """What the scan shows 25 mm above or below both joints; None where that is next to nothing."""
    grid = volume.grid
    z = grid.origin_mm_xyz[2] + np.arange(grid.size_xyz[2]) * grid.spacing_mm_xyz[2]
    heights = [centre[2] for centre in centres_mm]
    kept = np.flatnonzero(z > max(heights) + AWAY_MM if above else z < min(heights) - AWAY_MM)
    if len(kept) < LEAST_SLICES:
        return None
    x, y, _ = grid.origin_mm_xyz
    nx, ny, _ = grid.size_xyz
    part = Grid((nx, ny, len(kept)), grid.spacing_mm_xyz, (x, y, float(z[kept[0]])))
    return Volume(volume.values_zyx[kept[0] : kept[-1] + 1], part)


def crops_of(experiment: Experiment, fold: int) -> Iterator[tuple[str, Volume]]:
    """The cropped scans of one fold, from above and below the joints in turn."""
    dataset = dataset_of(experiment.data)
    made = 0
    for case in dataset.cases:
        if made == CROPPED_PER_FOLD or case.patient not in experiment.folds.held_out[fold]:
            continue
        marked = [
            AnnotationReader(joint, dataset.contour_axes).centre_mm()
            for joint in case.joints.values()
        ]
        above = made % 2 == 0
        centres = [centre for centre in marked if centre is not None]
        part = cropped(read_volume(case.image), centres, above)
        if part is not None:
            made += 1
            yield f"{case.name}, {'above' if above else 'below'} the joints", part


def sum_up(scores: Path, leaving_out: tuple[str, ...] = ()) -> str:
    """The table of ``training eval`` in a sentence; heads far off are named, some left out."""
    with scores.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["head"] not in leaving_out]
    off = np.array([float(row[f"{side}_mm"]) for row in rows for side in Side])
    swaps = sum(row["swapped"] == "True" for row in rows)
    far = [
        f"{row['head']} {float(row['right_mm']):.0f} and {float(row['left_mm']):.0f} mm"
        for row in rows
        if max(float(row[f"{side}_mm"]) for side in Side) > FAR_MM
    ]
    return (
        f"{len(rows)} scans, {len(off)} joints: median {np.median(off):.1f} mm, "
        f"{np.count_nonzero(off <= FAR_MM)} within {FAR_MM:g} mm, "
        f"{np.count_nonzero(np.isinf(off))} not found, {swaps} scans with swapped sides; "
        f"far off (right and left): {', '.join(far) or 'none'}"
    )


def main() -> None:
    """Print what all folds come to, and the joints reported where none is."""
    write, said = asked_to_write(), Printed()
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, runs = sys.argv[1], Path(sys.argv[2])
    config = Path(__file__).parents[1] / "training" / "configs" / "localiser.toml"
    experiment = load_experiment(config)
    experiment = experiment.changed(data={"folder": str(data)})
    scores, doubtful = runs / experiment.name / "scores.csv", experiment.folds.judged_only
    said.line(sum_up(scores))
    without = f"Without the {len(doubtful)} heads whose annotations are doubtful: "
    said.line(f"\n{without}{sum_up(scores, doubtful)}\n")
    crops = invented = 0
    for fold in range(len(experiment.folds.held_out)):
        network = load_trained(experiment, runs / experiment.name / f"fold{fold}", len(Side))
        for name, part in crops_of(experiment, fold):
            found = find(network, experiment, part)
            reported = [side for side in Side if found[side] is not None]
            crops += 1
            invented += bool(reported)
            if reported:
                said.line(f"{name}: {' and '.join(reported)} reported")
    said.line(f"{invented} of {crops} cropped scans with a joint reported where there is none")
    if write:
        said.write("accuracy.md", "LOCALISER")


if __name__ == "__main__":
    main()
