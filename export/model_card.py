"""The model card of a bundle: data and sources, folds, metrics, limits, from what is on record."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from training.config import OWN, Experiment, TrainConfig
from training.loop.progress import LOSS_FILE

CARD_NAME: Final = "MODEL_CARD.md"
LIMITS: Final = (
    "Research use only: not a medical device, not for diagnosis.",
    "The reference labels are semi-automatic and from few heads; on scans unlike theirs the "
    "networks may fail without saying so.",
    "Cone-beam CT was simulated in training at most; its intensities differ from machine to "
    "machine.",
    "The figures above are of heads that the judging network was not trained on; the networks in "
    "this bundle were trained as it says under each role.",
)

Sources = tuple[tuple[str, str, str], ...]


def model_card(
    title: str,
    experiments: Mapping[str, Experiment],
    trained: Mapping[str, str],
    sources: Sources,
    runs: Path,
    *,
    half: bool,
) -> str:
    """Markdown about the networks of a bundle; ``trained`` is "final" or the fold, by role."""
    lines = [
        f"# Model card of {title}",
        "",
        "Networks that find the temporomandibular joints in a head CT and segment the mandibular "
        "condyle and the temporal bone, for `negvol run`.",
    ]
    if half:
        lines += ["", "Half precision (float16) inside: meant for GPUs."]
    lines += ["", "## Data", "", "| source | licence | reference |", "|---|---|---|"]
    lines += [f"| {name} | {licence} | {reference} |" for name, licence, reference in sources]
    for role, experiment in experiments.items():
        lines += ["", f"## {role.capitalize()}", ""]
        one = trained.get(role, "final")
        lines += _network(experiment, one, runs / experiment.name / one / LOSS_FILE)
        lines += ["", *_scores(runs / experiment.name / "scores.csv")]
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in LIMITS)]
    return "\n".join(lines) + "\n"


def _network(experiment: Experiment, trained: str, losses: Path) -> list[str]:
    data, train, folds = experiment.data, experiment.train, experiment.folds
    size = " × ".join(str(n) for n in reversed(data.size_zyx))
    low, high = data.window_hu
    lines = [
        f"- Network: {experiment.network.kind}, channels {list(experiment.network.channels)}; "
        f"answers {', '.join(data.channels)}.",
        f"- Sees {size} voxels (x, y, z) of {data.spacing_mm:g} mm, HU {low:g} to {high:g}.",
        f"- Trained: {_length(train, losses)} of {train.batch}, loss {train.loss}, seed "
        f"{train.seed}; "
        f"{data.phantoms} phantom heads added, drawn {100 * data.phantom_share:.0f} % of the time.",
    ]
    if OWN in train.start_from:
        lines.append(
            "- It and each network of the groups below went on from weights of its own, trained "
            "before on the same heads."
        )
    elif train.start_from and trained == "final":
        lines.append(
            "- It went on from weights that were trained before; the networks of the groups below "
            "began with nothing."
        )
    every = "every head that is learnt from" if folds.judged_only else "every head"
    lines.append(
        f"- In this bundle: trained on {every}."
        if trained == "final"
        else f"- In this bundle: the network of {trained} of the groups below, which has not seen "
        "that group's heads."
    )
    if folds.judged_only:
        names = ", ".join(folds.judged_only)
        lines.append(f"- Never learnt from, their annotation is doubtful, but judged: {names}.")
    if folds.held_out:
        lines.append("- Groups of heads (folds), each judged by a network trained on all others:")
        lines += [f"  - {', '.join(fold)}" for fold in folds.held_out]
    elif folds.count:
        lines.append(
            f"- The heads are dealt by the seed into {folds.count} groups (folds), each judged by "
            "a network trained on all others."
        )
    return lines


def _length(train: TrainConfig, losses: Path) -> str:
    """How long a training lasted by its log, or else was to last."""
    if losses.is_file():
        with losses.open(newline="", encoding="utf-8") as file:
            return f"{[row['step'] for row in csv.DictReader(file)][-1]} steps"
    return f"{train.minutes:g} minutes in steps" if train.minutes else f"{train.steps} steps"


def _scores(path: Path) -> list[str]:
    """Mean ± sample standard deviation, and the extremes, of every column of figures."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [
        f"Measured on {len({row['head'] for row in rows})} heads, each by a network trained "
        f"without it ({len(rows)} rows):",
        "",
        "| measure | mean ± sd | from | to | not found |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in rows[0]:
        values = [v for row in rows if (v := _number(row[name])) is not None]
        if len(values) < len(rows):
            continue
        finite = np.array([v for v in values if np.isfinite(v)])
        lost = len(values) - len(finite)
        if not len(finite):
            lines.append(f"| {name} | - | - | - | {lost} |")
            continue
        sd = finite.std(ddof=1) if len(finite) > 1 else 0.0
        lines.append(
            f"| {name} | {finite.mean():.3f} ± {sd:.3f} | {finite.min():.3f} | "
            f"{finite.max():.3f} | {lost} |"
        )
    return lines


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
