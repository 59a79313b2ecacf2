"""The metrics of label maps as rows of text, and as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from negvol_cli.evaluation.label_maps import Evaluation
from negvol_cli.render.words import MISSING
from negvol_cli.structures import Label, Side, scan_label

_COLUMNS = (
    ("Dice", "dice", 3),
    ("HD mm", "hausdorff_mm", 2),
    ("HD95 mm", "hd95_mm", 2),
    ("mean mm", "mean_surface_distance_mm", 2),
    ("surface Dice", "surface_dice", 3),
    ("volume mm³", "volume_difference_mm3", 1),
    ("volume %", "volume_difference_percent", 1),
)


def label_names(labels: Iterable[int]) -> dict[int, str]:
    """Name the labels: those of one joint if none is above 3, otherwise those of both."""
    objects = {label: label.name.lower().replace("_", " ") for label in list(Label)[1:]}
    names = {int(label): name for label, name in objects.items()}
    if max(labels, default=0) > max(names):
        names = {
            scan_label(s, label): f"{s} {name}" for s in Side for label, name in objects.items()
        }
    return {label: names.get(label, "unknown") for label in labels}


def as_rows(found: Evaluation) -> list[list[str]]:
    """Return a row of headings and one per label; an infinite or undefined value is a dash."""
    names = label_names(found.labels)
    rows = [["label", *(heading for heading, _, _ in _COLUMNS)]]
    for label, metrics in found.labels.items():
        values = asdict(metrics)
        figures = [_figure(values[key], decimals) for _, key, decimals in _COLUMNS]
        rows.append([f"{label} {names[label]}", *figures])
    return rows


def as_dict(found: Evaluation) -> dict[str, Any]:
    """Return the evaluation as plain values; an infinite or undefined value is None."""
    names = label_names(found.labels)
    labels = [
        {"label": label, "name": names[label]}
        | {key: value if math.isfinite(value) else None for key, value in asdict(metrics).items()}
        for label, metrics in found.labels.items()
    ]
    return {"labels": labels, "flags": list(found.flags)}


def _figure(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else MISSING
