"""The choice of the series of a study to be measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from negvol_cli.errors import InputError
from negvol_cli.io.ct_checks import COARSE_MM
from negvol_cli.io.dicom.finding import find_series
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.suitability import is_reformat

LONG_ENOUGH_MM: Final = 80.0
"""A shorter series seldom shows both joints and the mandible below them."""

_MOST_NAMED: Final = 12  # in a message that is still read


def choose_series(found: Sequence[Series], wanted: str | None = None) -> Series:
    """Choose a series: the one ``wanted`` by its key or number, or the most suitable.

    The most suitable has voxels up to 2 mm, is at least 80 mm long and not a reformat; among those
    it has the finest voxels, then the most slices.

    Raises
    ------
    InputError
        There is none, ``wanted`` names none or several, or it would have to be chosen among several
        patients.
    """
    if wanted is not None:
        return _wanted(found, wanted)
    usable = [s for s in found if not s.unusable and not s.only_asked]
    if not found:
        raise InputError("there are no DICOM images to choose from: give a CT study")
    if not usable:
        raise InputError(f"{_source(found)} contains no CT series to measure: {_named(found)}")
    good = [s for s in usable if s.why_not is None] or usable
    if len({s.patient for s in good}) > 1:
        raise InputError(
            f"{_source(found)} contains series of {len({s.patient for s in good})} patients: give "
            f"one study, choose with --series, or use 'negvol batch'; there are {_named(good)}"
        )
    return min(good, key=_rank)


def nothing_in(source: Path) -> InputError:
    """What is said of a folder or zip without DICOM images, where an image file may well lie."""
    return InputError(
        f"{source} contains no DICOM images: give the folder or zip of a CT study, or a NIfTI, "
        "NRRD or MHA file itself (negvol batch looks for them in folders and zips)"
    )


def choose_in(source: Path, wanted: str | None = None) -> tuple[Series, tuple[str, ...]]:
    """Choose the series of ``source`` to measure; also return what its report should say of that.

    Raises InputError like ``find_series`` and ``choose_series``.
    """
    found = find_series(source)
    if not found:
        raise nothing_in(source)
    chosen = choose_series(found, wanted)
    others = [s for s in found if not (s.unusable or s.only_asked or s is chosen)]
    notes = []
    if others:
        x, y, z = chosen.spacing_mm_xyz
        number = "" if chosen.number is None else f" (number {chosen.number})"
        how = "chosen by --series" if wanted is not None else "chosen by voxel size and length"
        notes.append(
            f"one of {len(others) + 1} CT series{number}, {how}: {chosen.slices} slices with "
            f"voxels of {x:.3g} x {y:.3g} x {z:.3g} mm"
        )
    notes += [reservation.note for reservation in chosen.reservations]
    if not chosen.reservations and chosen.why_not is not None:
        notes.append(f"should not be measured: {chosen.why_not}")
    return chosen, tuple(notes)


def _rank(series: Series) -> tuple[bool, bool, bool, float, float, int, int, str]:
    coarsest = max(series.spacing_mm_xyz)
    return (
        round(coarsest, 1) > COARSE_MM,
        series.extent_mm < LONG_ENOUGH_MM,
        is_reformat(series.frames),
        round(coarsest, 1),
        round(min(series.spacing_mm_xyz[:2]), 1),
        -series.slices,
        series.number or 0,
        series.key,
    )


def _wanted(found: Sequence[Series], wanted: str) -> Series:
    asked = wanted.strip().lower().removeprefix("ct-")
    matching = [s for s in found if asked == s.key] or [s for s in found if asked == str(s.number)]
    if len(matching) > 1:
        usable = [s for s in matching if not s.unusable]
        matching = usable if len(usable) == 1 else matching
    if len(matching) != 1:
        many = "several series" if matching else "no series"
        raise InputError(
            f"{_source(found)} contains {many} of the name or number asked for by --series: "
            f"there are {_named(found)}"
        )
    if matching[0].unusable:
        raise InputError(f"series ct-{matching[0].key} cannot be measured: {matching[0].why_not}")
    return matching[0]


def _source(found: Sequence[Series]) -> str:
    return str(found[0].source)


def _named(found: Sequence[Series]) -> str:
    """The series in a few words each, or how many of each kind where they are many."""
    if len(found) > _MOST_NAMED:
        kinds = Counter(s.why_not or "usable" for s in found)
        return ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common(_MOST_NAMED))
    return "; ".join(
        f"{s.key} (number {'-' if s.number is None else s.number}, {s.slices} images"
        + (f": {s.why_not})" if s.why_not else ")")
        for s in found
    )
