"""The series below a folder, in a zip file or in a file, from their headers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Vector
from negvol_cli.io.dicom.damage import beside_damaged, files, lost
from negvol_cli.io.dicom.headers import (
    Common,
    DamagedError,
    Frame,
    read_frames,
)
from negvol_cli.io.dicom.identity import handle
from negvol_cli.io.dicom.parts import Opener, Part, parts_of, zip_explained
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.slice_steps import fine_part
from negvol_cli.io.dicom.stacks import left_aside, normal_of, stacks_of
from negvol_cli.io.dicom.start import START_BYTES
from negvol_cli.io.dicom.suitability import (
    is_reformat,
    modality_of,
    reservations,
    why_poor,
    why_unusable,
)

_MOST_KNOWN: Final = 10_000  # a few MB; a series needs one, or one a slice
_DIRECTORY: Final = b"1.2.840.10008.1.3.10"  # the class of a DICOMDIR


def find_series(source: Path) -> tuple[Series, ...]:
    """Find every DICOM image series below a folder or in a (zip) file, by patient and study.

    A DICOMDIR stands for its folder. Files that are not DICOM, or not images, are ignored; a
    damaged one makes the series that it belongs to unusable.

    Raises
    ------
    InputError
        The path does not exist, or the zip file is damaged, encrypted or a bomb.
    """
    if not source.exists():
        raise InputError(f"{source} does not exist: check the path")
    if source.is_file() and _is_directory(source):
        source = source.absolute().parent
    by_series: dict[str, list[Frame]] = {}
    damaged: list[Part] = []
    with zip_explained(source):
        for part, frames in images_in(parts_of(source)):
            if frames is None:
                damaged.append(part)
            for frame in frames or ():
                by_series.setdefault(frame.common.identity.series_uid, []).append(frame)
    found = series_of(by_series, damaged, source)
    if damaged and not found:
        raise InputError(f"{source} contains {files(damaged)}: copy the study again")
    return found


def images_in(parts: Iterable[Part]) -> Iterator[tuple[Part, list[Frame] | None]]:
    """Each file with its images: none where it is no DICOM, None for a CT that cannot be read.

    What images share is held once as long as they follow each other.
    """
    known: dict[Common, Common] = {}
    with Opener() as opener:
        for part in parts:
            if len(known) > _MOST_KNOWN:
                known.clear()
            try:
                with opener.open(part) as stream:
                    frames = read_frames(part, stream, known)
            except (DamagedError, OSError):
                yield part, None
                continue
            yield part, frames


def series_of(
    by_series: Mapping[str, Sequence[Frame]], damaged: Sequence[Part], source: Path
) -> tuple[Series, ...]:
    """The series that images make, by patient and study; ``by_series`` has them by their UID.

    Series of one study must be given together, because a reformat is told by its original.
    """
    found = []
    for frames in by_series.values():
        stacks = stacks_of(frames)
        aside = left_aside(frames, stacks)
        said = (f"{aside} images of the series fit into no stack and were left out",)
        for number, stack in enumerate(stacks, start=1):
            found.append(replace(_series(stack, number, source), notes=said if aside else ()))
    stumps = lost(damaged)
    found = [beside_damaged(series, stumps) for series in found]
    found = [_beside_originals(series, found) for series in found]
    return tuple(sorted(found, key=lambda s: (s.patient, s.study, s.number or 0, s.key)))


def _is_directory(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    return start[128:132] == b"DICM" and _DIRECTORY in start


def _series(frames: Sequence[Frame], number: int, source: Path) -> Series:
    """The series of one stack; ``number`` counts the stacks of one series UID."""
    common = frames[0].common
    identity = common.identity
    unusable, reserved = why_unusable(frames), reservations(frames)
    depth, spacing, step_mm = _extent(frames)
    suffix = "" if number == 1 else f"-{number}"
    key = f"{handle(identity.series_uid)}{suffix}"
    return Series(
        key=key,
        study=handle(identity.study_uid),
        patient=handle(
            f"{identity.issuer}\n{identity.patient_id}"
            if identity.patient_id
            else identity.study_uid
        ),
        number=common.number,
        description=common.description,
        modality=modality_of(frames[0]),
        plane=_plane(common),
        size_xyz=(*common.size_xy, depth),
        spacing_mm_xyz=spacing,
        files=tuple(dict.fromkeys(frame.part.path for frame in frames)),
        source=source,
        digest=_digest(frames),
        identity=replace(identity, series_uid=f"{identity.series_uid}{suffix}"),
        frames=tuple(frames),
        why_not=unusable or "; ".join(r.why_not for r in reserved) or why_poor(step_mm),
        unusable=unusable is not None,
        reservations=reserved,
    )


def _extent(frames: Sequence[Frame]) -> tuple[int, Vector, float]:
    """How many places the images have, their spacing, and the usual step between them, in mm."""
    common = frames[0].common
    x, y = common.spacing_mm_xy or (0.0, 0.0)
    if common.axes is None or any(frame.position_mm is None for frame in frames):
        return len(frames), (x, y, 0.0), 0.0
    places = np.array([frame.position_mm for frame in frames]) @ normal_of(common)
    places = np.unique(places.round(2))
    places = places[fine_part(places - places[0])[0]]
    step = float(np.median(np.diff(places))) if len(places) > 1 else 0.0
    return len(places), (x, y, step), step


def _plane(common: Common) -> str:
    """The plane of the images, by the axis to which their normal is nearest."""
    if common.axes is None:
        return "unknown"
    return ("sagittal", "coronal", "axial")[int(np.abs(normal_of(common)).argmax())]


def _digest(frames: Sequence[Frame]) -> str:
    images = sorted({f"{f.instance} {f.index} {f.position_mm}" for f in frames})  # copies once
    return hashlib.sha256("\n".join(images).encode()).hexdigest()


def _beside_originals(series: Series, found: Sequence[Series]) -> Series:
    """Not to be measured where it is a reformat of a series of its study that is no coarser."""
    if series.why_not is not None or not is_reformat(series.frames):
        return series
    for other in found:
        if (
            other.study == series.study
            and other.why_not is None
            and not is_reformat(other.frames)
            and max(other.spacing_mm_xyz) <= 1.1 * max(series.spacing_mm_xyz)
            and other.extent_mm >= 0.5 * series.extent_mm
        ):
            return replace(series, why_not=f"a reformat of ct-{other.key}")
    return series
