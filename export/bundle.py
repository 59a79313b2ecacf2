"""A folder of trained networks as the bundle that ``negvol_cli.bundle`` reads."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from export.model_card import CARD_NAME, model_card
from export.onnx_model import INPUT, OUTPUT, write_onnx
from negvol_cli.bundle.manifest import SCHEMA, Accuracy
from training.config import Experiment
from training.loop.tasks import CHANNELS
from training.loop.train import load_trained

SOURCES = (
    ("FullHead, a sample of VTK", "Apache-2.0", "vtk.org"),
    ("CThead, UNC/Stanford volume archive", "free for research", "graphics.stanford.edu"),
    ("Cranium, a sample of InVesalius", "GPL-2.0", "invesalius.github.io"),
    ("Visible Human male and female", "public domain", "National Library of Medicine"),
    ("Skull, a sample of Medimodel", "Apache-2.0", ""),
    ("GE head CT with a sharp bone kernel", "MIT", ""),
    ("Planning CT, a sample of pyCERR (localiser only)", "GPL-3.0", ""),
    (
        "OpenKBP, 100 head-and-neck planning CT (localiser only)",
        "MIT",
        "Babier et al., Medical Physics 2021",
    ),
    ("Labels of a skull and mandible, DentalSegmentator", "Apache-2.0", ""),
    ("Labels of a skull, transcranial ultrasound benchmark 8", "Apache-2.0", ""),
    ("Phantom heads of negvol", "GPL-3.0-or-later", ""),
)


def write_bundle(
    experiments: dict[str, Experiment],
    runs: Path,
    out: Path,
    *,
    name: str,
    version: str,
    trained: Mapping[str, str] | None = None,
    half: bool = False,
) -> None:
    """Export one network for each role, the manifest that names them and a card, to ``out``.

    ``trained`` says which training of a role is taken, "final" or "fold0" and so on; default:
    the final ones. ``half`` writes networks that compute in float16, for GPUs.
    """
    trained = trained or {}
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        f"schema = {SCHEMA}",
        f"name = {_text(name)}",
        f"version = {_text(version)}",
        'licence = "GPL-3.0-or-later"',
        *_source_lines(),
    ]
    for role, experiment in experiments.items():
        lines += _accuracy_lines(role, runs / experiment.name / "scores.csv")
    for role, experiment in experiments.items():
        folder = runs / experiment.name / trained.get(role, "final")
        lines += _export(role, experiment, folder, out / f"{role}.onnx", half)
    (out / "bundle.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    card = model_card(f"{name} {version}", experiments, trained, SOURCES, runs, half=half)
    (out / CARD_NAME).write_text(card, encoding="utf-8")


def _source_lines() -> Iterator[str]:
    for title, licence, reference in SOURCES:
        yield from ("", "[[sources]]", f"name = {_text(title)}")
        yield from (f"licence = {_text(licence)}", f"reference = {_text(reference)}")


def _accuracy_lines(role: str, scores: Path) -> Iterator[str]:
    for entry in _accuracies(role, scores):
        yield from ("", "[[accuracy]]", f"measure = {_text(entry.measure)}")
        yield from (f"of = {_text(entry.of)}", f"value = {entry.value:.4f}")
        yield from (f"unit = {_text(entry.unit)}", f"how = {_text(entry.how)}")


def _export(
    role: str, experiment: Experiment, folder: Path, file: Path, half: bool
) -> Iterator[str]:
    """Write the network trained in ``folder`` to ``file``; yield its lines in the manifest."""
    data, channels = experiment.data, CHANNELS[experiment.data.object]
    write_onnx(load_trained(experiment, folder, len(channels)), data.size_zyx, file, half=half)
    yield from ("", "[[models]]", f"role = {_text(role)}", f"file = {_text(file.name)}")
    yield f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"'
    yield from (f"spacing_mm = {data.spacing_mm}", f"size = {list(data.size_zyx)}")
    yield from (f"window_hu = {list(data.window_hu)}", f"channels = {json.dumps(channels)}")
    yield from (f"input = {_text(INPUT)}", f"output = {_text(OUTPUT)}")


def _accuracies(role: str, scores: Path) -> list[Accuracy]:
    with scores.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    heads = {row["head"] for row in rows}
    how = f"{len(heads)} heads, each judged by a network trained without it"
    if role == "localiser":
        distances = [float(row[side]) for row in rows for side in ("right_mm", "left_mm")]
        median = float(np.median(distances))
        return [
            Accuracy(measure="median distance", of="joint centre", value=median, unit="mm", how=how)
        ]
    figures = (
        ("Dice", "condyle", "condyle_dice", ""),
        ("HD95", "condyle", "condyle_hd95_mm", "mm"),
        ("Dice", "temporal_bone", "bone_dice", ""),
        ("HD95", "temporal_bone", "bone_hd95_mm", "mm"),
    )
    return [
        Accuracy(
            measure=measure,
            of=of,
            value=float(np.mean([float(row[key]) for row in rows])),
            unit=unit,
            how=how,
        )
        for measure, of, key, unit in figures
    ]


def _text(value: str) -> str:
    """A TOML basic string; JSON escapes the same characters."""
    return json.dumps(value, ensure_ascii=False)
