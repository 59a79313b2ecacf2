"""Comparison of two label maps of one scan, label by label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.evaluation.metrics import TOLERANCE_MM, Metrics, compare
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.resample import resample_nearest
from negvol_cli.io.label_map import labels_in, read_labels


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of each label found in either map, by its value, and warnings as text."""

    labels: Mapping[int, Metrics]
    flags: tuple[str, ...] = ()


def evaluate_labels(
    prediction_path: Path, reference_path: Path, *, tolerance_mm: float = TOLERANCE_MM
) -> Evaluation:
    """Compute the metrics of every label but 0 in either of two label maps.

    Maps on the same grid, in any axis order, are compared as they are. Where the grids differ, the
    prediction is resampled to the reference's grid (nearest voxel) and a flag says so.

    Raises
    ------
    InputError
        A map is unusable, or the two grids do not overlap.
    """
    scans = {path: read_labels(path) for path in (prediction_path, reference_path)}
    prediction, reference = scans[prediction_path].volume, scans[reference_path].volume
    flags = tuple(f"{path.name}: {note}" for path, scan in scans.items() for note in scan.notes)
    if not _same_grid(prediction, reference):
        if not prediction.grid.contains(reference.grid.corners_mm()).any() and not (
            reference.grid.contains(prediction.grid.corners_mm()).any()
        ):
            raise InputError(
                f"{prediction_path} and {reference_path} lie in different places: "
                "compare two segmentations of one scan"
            )
        prediction = Volume(resample_nearest(prediction, reference.grid), reference.grid)
        flags = (
            *flags,
            "the grids differ: the prediction was taken to the reference's (nearest voxel), and "
            "what lies outside the reference's was left out",
        )
    metrics = {
        label: compare(
            prediction.values_zyx == label,
            reference.values_zyx == label,
            reference.grid.spacing_mm_xyz,
            tolerance_mm=tolerance_mm,
        )
        for label in sorted(labels_in(prediction) | labels_in(reference))
    }
    return Evaluation(metrics, flags)


def _same_grid(a: Volume, b: Volume) -> bool:
    if a.grid.size_xyz != b.grid.size_xyz:
        return False
    apart = np.abs(a.grid.corners_mm() - b.grid.corners_mm()).max()
    return bool(apart <= 0.05 * min(a.grid.spacing_mm_xyz))
