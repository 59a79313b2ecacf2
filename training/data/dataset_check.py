"""Everything that is wrong with a dataset's files, found before a training learns from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import Scan, read_image, read_scan
from negvol_cli.steps.calibrate_hu import read_intensities
from negvol_cli.structures import Label, Side
from training.config import ConfigError
from training.data.annotations import AnnotationReader
from training.data.cache import digest
from training.data.contours import read_contour
from training.data.dataset import Annotation, Case, Dataset

ABOVE_TISSUE_HU: Final = 120.0
LEAST_ON_BONE: Final = 0.6
BETTER_BY: Final = 0.25
NO_BETTER: Final = 0.1
LEAST_INSIDE: Final = 0.98
FARTHEST_CENTRE_MM: Final = 25.0
SAMPLED: Final = 20_000

FLIPS: Final = {
    "left to right and front to back (as between LPS and RAS)": (-1, -1, 1),
    "left to right": (-1, 1, 1),
    "front to back": (1, -1, 1),
    "upside down": (1, 1, -1),
}
"""How labels can be mirrored about the middle of the image, likeliest first: signs of x, y, z."""

_GRID_TOLERANCE: Final = {"spacing": 1e-3, "origin": 0.05, "direction": 1e-3}
_NAMES: Final = {Label.CONDYLE: "condyle", Label.TEMPORAL_BONE: "temporal bone"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in which case, and in which file where there is one."""

    case: str
    what: str
    file: Path | None = None

    def __str__(self) -> str:
        """One line."""
        return ": ".join(str(part) for part in (self.case, self.file, self.what) if part)


def check_dataset(dataset: Dataset) -> list[Problem]:
    """All problems of a dataset, case by case; empty for one that can be learnt from."""
    problems = [*_repeated(dataset)]
    for case in dataset.cases:
        problems += _case_problems(case, dataset)
    return problems


def require_sound(dataset: Dataset, kept: Path | None = None) -> None:
    """Raises ConfigError with every problem of the dataset.

    With ``kept``, a folder, a dataset that was sound is not looked at again until a file of it or
    its description changes.
    """
    stamp = None if kept is None else kept / f"sound-{_fingerprint(dataset)}"
    if stamp is not None and stamp.is_file():
        return
    problems = check_dataset(dataset)
    if problems:
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"{many} in the dataset {dataset.name}:", *map(str, problems)]
        raise ConfigError("\n  ".join(lines))
    if stamp is not None:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()


def _fingerprint(dataset: Dataset) -> str:
    """The description, and size and time of every file."""
    files = [path for case in dataset.cases for path in _files(case)]
    states = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
    return digest([], repr(dataset), states)


def _files(case: Case) -> list[Path]:
    return list(dict.fromkeys([case.image, *(f for j in case.joints.values() for f in j.files)]))


def _repeated(dataset: Dataset) -> Iterator[Problem]:
    """Names and files that occur twice, and patients in two folds."""
    by_name: dict[str, list[Case]] = defaultdict(list)
    by_content: dict[str, list[tuple[Case, Path]]] = defaultdict(list)
    folds: dict[str, set[int]] = defaultdict(set)
    for case in dataset.cases:
        by_name[case.name].append(case)
        if case.fold is not None:
            folds[case.patient].add(case.fold)
        for path in _files(case):
            if path.is_file():
                by_content[digest([path])].append((case, path))
    for name, cases in by_name.items():
        if len(cases) > 1:
            yield Problem(name, f"{len(cases)} cases have this name")
    for places in by_content.values():
        (first, path), *rest = places
        for case, other in rest:
            yield Problem(case.name, f"the same content as {path} of case {first.name}", other)
    for patient, numbers in folds.items():
        if len(numbers) > 1:
            listed = " and ".join(str(n) for n in sorted(numbers))
            yield Problem(f"patient {patient}", f"in folds {listed}: keep a patient in one fold")


def _case_problems(case: Case, dataset: Dataset) -> Iterator[Problem]:
    missing = [path for path in _files(case) if not path.is_file()]
    for path in missing:
        yield Problem(case.name, "this file does not exist", path)
    image: Scan | None = None
    if case.image not in missing:
        try:
            image = read_scan(case.image)
            check_ct(image.volume, "it")
        except NegvolError as err:
            yield Problem(case.name, str(err).replace(f"{case.image} ", "", 1), case.image)
    read = lru_cache(maxsize=2)(read_image)
    found: dict[Side, Points] = {}
    drawn = False
    for joint in case.joints.values():
        if any(path in missing for path in joint.files):
            continue
        points: dict[Label, Points] = {}
        yield from _joint_problems(case, joint, dataset, image=image, read=read, points=points)
        drawn |= any(len(some) for some in points.values())
        if joint.centre_mm is not None:
            found[joint.side] = np.array(joint.centre_mm)
        elif len(points.get(Label.CONDYLE, ())):
            found[joint.side] = points[Label.CONDYLE].mean(axis=0)
    if len(found) == 2 and found[Side.RIGHT][0] >= found[Side.LEFT][0]:
        yield Problem(case.name, "the right joint lies to the left of the left one: swap them")
    if case.drawn and not drawn and not missing:
        yield Problem(case.name, "its labels are empty")


def _joint_problems(
    case: Case,
    joint: Annotation,
    dataset: Dataset,
    *,
    image: Scan | None,
    read: Callable[[Path], Scan],
    points: dict[Label, Points],
) -> Iterator[Problem]:
    """Problems of one joint's annotation; fills ``points`` with where each label is."""
    inside = None if image is None else image.volume.grid
    if joint.centre_mm is not None and inside and not inside.contains([joint.centre_mm])[0]:
        yield Problem(case.name, f"the {joint.side} centre_lps_mm lies outside the image")
    if not joint.is_drawn:
        return
    try:
        if joint.labels is not None:
            labels = read(joint.labels)
            yield from _number_problems(case, joint, dataset, labels.volume)
            first = next(j for j in case.joints.values() if j.labels == joint.labels)
            if joint is first and dataset.label_grid == "image" and image is not None:
                yield from _grid_problems(case, joint, labels, image)
        else:
            for path in joint.contours.values():
                if not read_contour(path, dataset.contour_axes).is_watertight:
                    yield Problem(case.name, "the surface is not closed", path)
        reader = AnnotationReader(joint, dataset.contour_axes, lambda path: read(path).volume)
        points.update({label: reader.points(label) for label in _NAMES})
    except (NegvolError, ConfigError) as err:
        yield Problem(case.name, str(err))
        return
    yield from _place_problems(case, joint, image, points)


def _number_problems(
    case: Case, joint: Annotation, dataset: Dataset, labels: Volume
) -> Iterator[Problem]:
    """Numbers that mean nothing, and labels without a voxel."""
    present = set(np.unique(labels.values_zyx).tolist())
    meant = {0, *dataset.known_numbers}
    sharing = [j for j in case.joints.values() if j.labels == joint.labels]
    for other in sharing:
        meant |= set(other.numbers.values())
    unknown = sorted(present - meant)
    if unknown and joint is sharing[0]:
        listed = ", ".join(f"{number:g}" for number in unknown[:5])
        known = ", ".join(str(number) for number in sorted(meant))
        yield Problem(case.name, f"unknown label numbers {listed}; known are {known}", joint.labels)
    empty = [label for label, number in joint.numbers.items() if number not in present]
    if len(empty) == len(joint.numbers) and len(sharing) > 1:
        return  # a map of both joints that shows one
    for label in empty:
        number = joint.numbers[label]
        what = f"no voxel of the {joint.side} {_NAMES[label]} (number {number})"
        yield Problem(case.name, what, joint.labels)


def _grid_problems(case: Case, joint: Annotation, labels: Scan, image: Scan) -> Iterator[Problem]:
    mine, other = labels.original_grid, image.original_grid
    differences = []
    if mine.size_xyz != other.size_xyz:
        differences.append(f"size {mine.size_xyz} instead of {other.size_xyz}")
    for name, ours, theirs in (
        ("spacing", mine.spacing_mm_xyz, other.spacing_mm_xyz),
        ("origin", mine.origin_mm_xyz, other.origin_mm_xyz),
        ("direction", mine.direction, other.direction),
    ):
        if not np.allclose(ours, theirs, rtol=0.0, atol=_GRID_TOLERANCE[name]):
            listed, expected = (", ".join(f"{v:g}" for v in values) for values in (ours, theirs))
            differences.append(f"{name} {listed} instead of {expected}")
    if differences:
        what = f"not on the image's grid: {'; '.join(differences)}"
        yield Problem(case.name, what, joint.labels)


def _place_problems(
    case: Case, joint: Annotation, image: Scan | None, points: dict[Label, Points]
) -> Iterator[Problem]:
    """Labels outside the image, off the bone, mirrored, or far from the centre that is given."""
    condyle = points[Label.CONDYLE]
    if joint.centre_mm is not None and len(condyle):
        away = float(np.linalg.norm(condyle - joint.centre_mm, axis=1).min())
        if away > FARTHEST_CENTRE_MM:
            what = f"the {joint.side} centre_lps_mm lies {away:.0f} mm from its condyle"
            yield Problem(case.name, what)
    if image is None or not all(len(some) for some in points.values()):
        return
    volume = image.volume
    for label, path in zip(_NAMES, (*joint.files, *joint.files), strict=False):
        share = float(volume.grid.contains(points[label]).mean())
        if share < LEAST_INSIDE:
            what = f"{1 - share:.0%} of the {joint.side} {_NAMES[label]} lies outside the image"
            yield Problem(case.name, what, path)
    everything = np.concatenate([_some(points[label]) for label in _NAMES])
    level = _bone_level(volume)
    here = _on_bone(volume, everything, level)
    middle = volume.grid.to_world((np.array(volume.grid.size_xyz) - 1) / 2)
    if joint.contours:  # a surface has no grid: it is mirrored about the world's origin
        middle = np.zeros(3)
    flipped = {
        name: _on_bone(volume, middle + (everything - middle) * signs, level)
        for name, signs in FLIPS.items()
    }
    most = max(flipped.values())
    best = next(name for name in FLIPS if flipped[name] >= most - NO_BETTER)
    path = joint.files[0]
    if flipped[best] > here + BETTER_BY:
        what = (
            f"the {joint.side} labels look mirrored: {here:.0%} lie on bone, turned {best} "
            f"{flipped[best]:.0%}"
        )
        yield Problem(case.name, what, path)
    elif here < LEAST_ON_BONE:
        yield Problem(case.name, f"only {here:.0%} of the {joint.side} labels lie on bone", path)


def _some(points: Points) -> Points:
    return points[:: max(1, len(points) // SAMPLED)]


def _bone_level(volume: Volume) -> float:
    """An intensity between soft tissue and bone."""
    found = read_intensities(volume)
    return ABOVE_TISSUE_HU if found is None else found.tissue + ABOVE_TISSUE_HU / found.gain


def _on_bone(volume: Volume, points: npt.NDArray[np.float64], level: float) -> float:
    """The share of points, LPS mm, at which the image is brighter than ``level``."""
    grid: Grid = volume.grid
    index = np.rint(grid.to_index(points)).astype(int)
    inside = ((index >= 0) & (index < grid.size_xyz)).all(axis=1)
    x, y, z = index[inside].T
    return float((volume.values_zyx[z, y, x] > level).sum() / len(points))
