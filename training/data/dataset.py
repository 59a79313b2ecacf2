"""What there is to learn from: a hospital's ``dataset.toml``, or the project's own data folder.

A ``dataset.toml`` names each case's image and what is annotated in it, paths relative to itself::

    schema = 1
    name = "our clinic"
    annotated_mm = 30        # labels are complete within this distance of a condyle's centre
    contour_axes = "LPS"     # of STL files: "LPS" or "RAS"; only where there are contours
    label_grid = "image"     # or "own": label images cover less than the scan, on their own grid

    [labels]                 # numbers in label images, beside 0; these are the defaults
    right_condyle = 1
    right_temporal_bone = 2
    left_condyle = 4
    left_temporal_bone = 5
    condyle = 1              # in a label image of one joint
    temporal_bone = 2
    ignored = [3, 6]         # may occur, and count as background

    [[cases]]
    name = "017-before"
    patient = "017"          # all scans of a patient stay in one fold; without it, the case's name
    fold = 0                 # optional, for all cases or none
    image = "017/before.nii.gz"
    labels = "017/before-labels.nii.gz"    # both joints in one map, or else for each joint:

    [cases.right]
    labels = "017/right.nii.gz"            # a map of one joint, or closed contours in mm:
    condyle_contour = "017/right-mc.stl"
    temporal_bone_contour = "017/right-tb.stl"
    centre_lps_mm = [-52.1, 12.0, 48.5]    # optional beside labels; alone for the localiser

An unknown, missing or ill-typed key is an error; ``dataset_check`` looks at the files themselves.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.structures import Label, Side
from training.config import ConfigError, DataConfig, build

SCHEMA: Final = 1
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


def dataset_of(data: DataConfig) -> Dataset:
    """The dataset that an experiment learns from. Raises ConfigError."""
    return read_dataset(Path(data.dataset)) if data.dataset else folder_dataset(Path(data.folder))


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


def read_dataset(path: Path) -> Dataset:
    """The dataset that a TOML file describes. Raises ConfigError with all that is wrong in it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"cannot read the dataset {path}: {err}") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path} is not TOML: {err}") from err
    entries = table.pop("cases", [])
    problems: list[str] = []
    about = _built(_About, table, "", problems)
    if not isinstance(entries, list) or not entries:
        problems.append("cases must be one or more [[cases]] tables")
        entries = []
    cases = []
    for number, entry in enumerate(entries):
        case = _built(_Case, entry, f"cases[{number}].", problems)
        if case is not None and about is not None:
            try:
                cases.append(_case(case, about, path.parent))
            except ConfigError as err:
                problems.append(f"case {case.name}: {err}")
    if len({case.fold is None for case in cases}) > 1:
        bare = next(case.name for case in cases if case.fold is None)
        problems.append(f"case {bare}: fold must be given for all cases or for none")
    if problems or about is None:
        raise ConfigError("\n  ".join([f"{path} cannot be used:", *problems]))
    return Dataset(
        name=about.name,
        cases=tuple(cases),
        annotated_mm=about.annotated_mm,
        contour_axes=about.contour_axes,
        label_grid=about.label_grid,
        known_numbers=frozenset(about.labels.ignored),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    condyle: int = 1
    temporal_bone: int = 2
    right_condyle: int = 1
    right_temporal_bone: int = 2
    left_condyle: int = 4
    left_temporal_bone: int = 5
    ignored: tuple[int, ...] = ()

    def of(self, prefix: str) -> dict[Label, int]:
        return {
            label: getattr(self, f"{prefix}{label.name.lower()}")
            for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
        }

    def __post_init__(self) -> None:
        for numbers in (
            [self.condyle, self.temporal_bone],
            [*self.of("right_").values(), *self.of("left_").values()],
        ):
            if 0 in numbers or len({*numbers, *self.ignored}) < len(numbers) + len(self.ignored):
                raise ConfigError(f"labels must be different numbers, none of them 0, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    schema: int
    name: str
    annotated_mm: float
    contour_axes: str = ""
    label_grid: str = "image"
    labels: _Numbers = field(default_factory=_Numbers)

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ConfigError(f"schema must be {SCHEMA}, got {self.schema}")
        if self.annotated_mm < 10:
            raise ConfigError(f"annotated_mm must be 10 or more, got {self.annotated_mm:g}")
        if self.contour_axes not in ("", "LPS", "RAS"):
            raise ConfigError(f"contour_axes must be 'LPS' or 'RAS', got {self.contour_axes!r}")
        if self.label_grid not in ("image", "own"):
            raise ConfigError(f"label_grid must be 'image' or 'own', got {self.label_grid!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint:
    labels: str = ""
    condyle_contour: str = ""
    temporal_bone_contour: str = ""
    centre_lps_mm: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.centre_lps_mm and len(self.centre_lps_mm) != 3:
            raise ConfigError(f"centre_lps_mm must hold 3 values, got {list(self.centre_lps_mm)}")
        if bool(self.condyle_contour) != bool(self.temporal_bone_contour):
            raise ConfigError("condyle_contour and temporal_bone_contour must be given together")
        if self.labels and self.condyle_contour:
            raise ConfigError("a joint has labels or contours, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    patient: str = ""
    fold: int = -1
    image: str
    labels: str = ""
    right: _Joint = field(default_factory=_Joint)
    left: _Joint = field(default_factory=_Joint)


def _built(kind: Any, table: object, where: str, problems: list[str]) -> Any:
    try:
        return build(kind, table, where)
    except ConfigError as err:
        named = table.get("name", "") if isinstance(table, dict) and where else ""
        problems.append(f"case {named}: {err}" if named else str(err))
        return None


def _case(entry: _Case, about: _About, folder: Path) -> Case:
    joints = {}
    for side, own in ((Side.RIGHT, entry.right), (Side.LEFT, entry.left)):
        if entry.labels and (own.labels or own.condyle_contour):
            raise ConfigError(f"labels of the case and of its {side} joint: give one of them")
        if own.condyle_contour and not about.contour_axes:
            raise ConfigError("contour_axes must be 'LPS' or 'RAS' where there are contours")
        labels = own.labels or entry.labels
        contours = {
            label: folder / name
            for label, name in (
                (Label.CONDYLE, own.condyle_contour),
                (Label.TEMPORAL_BONE, own.temporal_bone_contour),
            )
            if name
        }
        if not (labels or contours or own.centre_lps_mm):
            continue
        joints[side] = Annotation(
            side,
            folder / labels if labels else None,
            about.labels.of("" if own.labels else f"{side}_") if labels else {},
            contours,
            vector(own.centre_lps_mm) if own.centre_lps_mm else None,
        )
    if not joints:
        raise ConfigError("nothing is annotated: give labels, contours or centre_lps_mm")
    fold = entry.fold if entry.fold >= 0 else None
    return Case(entry.name, entry.patient or entry.name, folder / entry.image, joints, fold)


def _cube(path: Path, side: Side, centre_mm: Vector) -> Annotation:
    if not path.is_file():
        return Annotation(side, centre_mm=centre_mm)
    numbers = {Label.CONDYLE: 1, Label.TEMPORAL_BONE: 2}
    return Annotation(side, path, numbers, centre_mm=centre_mm)
