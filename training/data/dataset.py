"""What there is to learn from: scans with annotated joints, as a value.

``dataset_toml`` reads a hospital's description of its own; ``folder_dataset`` knows the layout of
the project's own data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.structures import Label, Side

EVERYWHERE_MM: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is known of one joint: label numbers in an image, or contours, or only its centre."""

    side: Side
    labels: Path | None = None
    numbers: Mapping[Label, int] = field(default_factory=dict)
    contours: Mapping[Label, Path] = field(default_factory=dict)
    centre_mm: Vector | None = None

    @property
    def is_drawn(self) -> bool:
        """Whether there is more than a centre."""
        return self.labels is not None or bool(self.contours)

    @property
    def files(self) -> list[Path]:
        """The files that hold it."""
        return [self.labels] if self.labels else list(self.contours.values())


@dataclass(frozen=True, slots=True)
class Case:
    """One scan of a patient, with the joints that are annotated in it."""

    name: str
    patient: str
    image: Path
    joints: Mapping[Side, Annotation]
    fold: int | None = None

    @property
    def drawn(self) -> list[Annotation]:
        """The joints that a segmenter can learn from."""
        return [joint for joint in self.joints.values() if joint.is_drawn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Cases that are described alike; see the module for what the fields mean."""

    name: str
    cases: tuple[Case, ...]
    annotated_mm: float = EVERYWHERE_MM
    contour_axes: str = "LPS"
    label_grid: str = "image"
    known_numbers: frozenset[int] = frozenset()

    def folds(self) -> tuple[tuple[str, ...], ...]:
        """The patients held out, fold by fold, where the cases say so; else empty."""
        numbers = sorted({case.fold for case in self.cases if case.fold is not None})
        return tuple(
            tuple(sorted({case.patient for case in self.cases if case.fold == number}))
            for number in numbers
        )


def folder_dataset(folder: Path) -> Dataset:
    """The project's own layout: ``tmj`` with cubes of labels, and ``headneck`` with centres."""
    cases = []
    for group, pattern in (("tmj", "{}/ct.nii.gz"), ("headneck", "{}.nii.gz")):
        if group == "headneck" and not (folder / group).is_dir():
            continue
        for name, centres in joint_centres(folder / group).items():
            joints = {
                side: _cube(folder / group / name / f"{side.value}.nii.gz", side, centres[side])
                for side in Side
            }
            cases.append(Case(name, name, folder / group / pattern.format(name), joints))
    return Dataset(name=folder.name, cases=tuple(cases), label_grid="own")


def joint_centres(folder: Path) -> dict[str, dict[Side, Vector]]:
    """The condylar centres, LPS mm, of every head in a data folder's ``joints.json``."""
    table: dict[str, Any] = json.loads((folder / "joints.json").read_text(encoding="utf-8"))
    centres = {}
    for head, entry in table.items():
        sides = entry.get("condyle_centre_lps_mm", entry)
        centres[head] = {side: vector(sides[side.value]) for side in Side}
    return centres


def _cube(path: Path, side: Side, centre_mm: Vector) -> Annotation:
    if not path.is_file():
        return Annotation(side, centre_mm=centre_mm)
    numbers = {Label.CONDYLE: 1, Label.TEMPORAL_BONE: 2}
    return Annotation(side, path, numbers, centre_mm=centre_mm)
