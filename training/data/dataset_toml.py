"""A hospital's ``dataset.toml``: its scans, and what is annotated in them.

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

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from negvol_cli.geometry.grid import vector
from negvol_cli.structures import Label, Side
from training.config import ConfigError, DataConfig
from training.data.dataset import Annotation, Case, Dataset, folder_dataset
from training.tables import Table, build, read_toml


def dataset_of(data: DataConfig) -> Dataset:
    """The dataset that an experiment learns from, where it is not packed. Raises ConfigError."""
    return dataset_at(data.dataset, data.folder)


def dataset_at(dataset: str, folder: str) -> Dataset:
    """The dataset that a ``dataset.toml`` describes or, without one, the project's own layout."""
    return read_dataset(Path(dataset)) if dataset else folder_dataset(Path(folder))


def read_dataset(path: Path) -> Dataset:
    """The dataset that a TOML file describes. Raises ConfigError with all that is wrong in it."""
    table = read_toml(path, "dataset")
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
        contour_axes=about.contour_axes or "LPS",
        label_grid=about.label_grid,
        known_numbers=frozenset(about.labels.ignored),
    )


class _Numbers(Table):
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

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for numbers in (
            [self.condyle, self.temporal_bone],
            [*self.of("right_").values(), *self.of("left_").values()],
        ):
            if 0 in numbers or len({*numbers, *self.ignored}) < len(numbers) + len(self.ignored):
                raise ConfigError(f"labels must be different numbers, none of them 0, got {self}")
        return self


class _About(Table):
    schema_number: Literal[1] = Field(alias="schema")
    name: str
    annotated_mm: float = Field(ge=10)
    contour_axes: Literal["LPS", "RAS"] | None = None
    label_grid: Literal["image", "own"] = "image"
    labels: _Numbers = _Numbers()


class _Joint(Table):
    labels: str = ""
    condyle_contour: str = ""
    temporal_bone_contour: str = ""
    centre_lps_mm: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.centre_lps_mm and len(self.centre_lps_mm) != 3:
            raise ConfigError(f"centre_lps_mm must hold 3 values, got {list(self.centre_lps_mm)}")
        if bool(self.condyle_contour) != bool(self.temporal_bone_contour):
            raise ConfigError("condyle_contour and temporal_bone_contour must be given together")
        if self.labels and self.condyle_contour:
            raise ConfigError("a joint has labels or contours, not both")
        return self


class _Case(Table):
    name: str
    patient: str = ""
    fold: int = -1
    image: str
    labels: str = ""
    right: _Joint = _Joint()
    left: _Joint = _Joint()


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
