"""The position of each frame of a DICOM file in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from negvol_cli.geometry.grid import Vector, vector
from negvol_cli.io.dicom.attributes import Groups, number_of, numbers_of, value_of

Axes = tuple[float, float, float, float, float, float]

_SQUARE: Final = 0.02  # how far unit vectors may be from that, as they are written rounded
_EXACT: Final = 1e-9  # float64, after a normalisation
_OPPOSITE: Final = 0.5  # of a unit: an axis against its letter, not merely beside it
_LETTERS: Final = {
    "L": (1.0, 0.0, 0.0),
    "R": (-1.0, 0.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0),
    "F": (0.0, 0.0, -1.0),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One frame in the patient; None for what the file does not say, or says wrongly.

    ``axes``: the unit vectors along a row and down a column, LPS. ``position_mm``: the centre of
    the first voxel. ``spacing_mm_xy``: between columns, between rows. ``counted``: the position was
    counted from the file's one position by its SpacingBetweenSlices.
    """

    axes: Axes | None
    position_mm: Vector | None
    spacing_mm_xy: tuple[float, float] | None
    counted: bool


def place_of(groups: Groups, frame: int) -> Place:
    """The place of one frame, by its position and orientation alone."""
    axes = _axes(groups, frame)
    position, counted = _position(groups, frame, axes)
    measures = groups.holder(frame, "PixelMeasuresSequence", "PixelSpacing")
    spacing = numbers_of(measures, "PixelSpacing", 2)
    if spacing is not None and any(s <= 0 for s in spacing):
        spacing = None
    return Place(axes, position, (spacing[1], spacing[0]) if spacing else None, counted)


def axes_doubt(groups: Groups, frame: int) -> str:
    """What speaks against the orientation that a frame states; "" for nothing."""
    holder = groups.holder(frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    numbers = numbers_of(holder, "ImageOrientationPatient", 6)
    if numbers is None:
        return ""
    axes = _axes(groups, frame)
    if axes is None:
        return "an ImageOrientationPatient that is not two unit vectors at right angles"
    letters = value_of(groups.data, "PatientOrientation")
    words = [str(word).strip().upper() for word in letters] if _is_pair(letters) else ["", ""]
    for word, axis in zip(words, (axes[:3], axes[3:]), strict=True):
        along = [np.dot(_LETTERS[letter], axis) for letter in word if letter in _LETTERS]
        if along and min(along) < -_OPPOSITE:
            return "an ImageOrientationPatient that PatientOrientation contradicts"
    return ""


def _is_pair(letters: Any) -> bool:
    return not isinstance(letters, str) and hasattr(letters, "__len__") and len(letters) == 2


def _axes(groups: Groups, frame: int) -> Axes | None:
    holder = groups.holder(frame, "PlaneOrientationSequence", "ImageOrientationPatient")
    numbers = numbers_of(holder, "ImageOrientationPatient", 6)
    if numbers is None:
        return _lettered(groups)
    row, column = np.array(numbers[:3]), np.array(numbers[3:])
    products = np.array([row @ row, column @ column, row @ column])
    if np.abs(products - (1, 1, 0)).max() > _SQUARE:
        return None
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    if abs(row @ column) < _EXACT:
        return (*vector(row), *vector(column))
    middle, across = row + column, row - column  # at right angles, whatever the two are
    middle, across = middle / np.linalg.norm(middle), across / np.linalg.norm(across)
    return (*vector((middle + across) / np.sqrt(2)), *vector((middle - across) / np.sqrt(2)))


def _lettered(groups: Groups) -> Axes | None:
    """The axes by PatientOrientation, such as L and P, where it names one direction each."""
    letters = value_of(groups.data, "PatientOrientation")
    try:
        row, column = (_LETTERS[str(letter).strip()] for letter in letters)
    except (KeyError, TypeError, ValueError):
        return None
    return (*row, *column) if not np.dot(row, column) else None


def _position(groups: Groups, frame: int, axes: Axes | None) -> tuple[Vector | None, bool]:
    own = groups.own(frame, "PlanePositionSequence", "ImagePositionPatient")
    if own is not None:
        return _vector(numbers_of(own, "ImagePositionPatient", 3)), False
    first = numbers_of(groups.data, "ImagePositionPatient", 3)
    if first is None or len(groups) == 1:
        return _vector(first), False
    holder = groups.holder(frame, "PixelMeasuresSequence", "SpacingBetweenSlices")
    step = number_of(holder, "SpacingBetweenSlices")
    if not step or axes is None:
        return None, False
    # The sign counts along the normal of the first frame, as in nuclear medicine (PS3.3 C.8.4.8).
    normal = np.cross(axes[:3], axes[3:])
    return vector(np.array(first) + frame * step * normal), True


def _vector(numbers: tuple[float, ...] | None) -> Vector | None:
    return vector(numbers) if numbers is not None else None
