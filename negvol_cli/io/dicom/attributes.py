"""Attributes of a DICOM data set from an untrusted source.

pydicom converts a value when it is accessed, and raises whatever the value provokes; its warnings
and errors quote the value, which may be a patient's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.dataset import Dataset

_ONCE: Final = (
    ("PixelMeasuresSequence", "PixelSpacing", 2),
    ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
    ("PlanePositionSequence", "ImagePositionPatient", 3),
    ("PixelValueTransformationSequence", "RescaleSlope", 1),
    ("PixelValueTransformationSequence", "RescaleIntercept", 1),
)
"""Sequence, attribute and count of numbers that each frame has once, wherever they stand."""


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the warnings of pydicom."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def value_of(data: Dataset, keyword: str) -> Any:
    """Return the value of an attribute, or None if it is missing, empty or unreadable."""
    try:
        value = data.get(keyword)
    except Exception:  # noqa: BLE001 - whatever a hostile value makes pydicom raise
        return None
    return None if value is None or value == "" else value


def text_of(data: Dataset, keyword: str) -> str:
    """Return the text of an attribute, or "" if there is none."""
    value = value_of(data, keyword)
    return "" if value is None else str(value).strip()


def numbers_of(data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Return the ``count`` finite numbers of an attribute, or None if it is anything else."""
    value = value_of(data, keyword)
    try:
        numbers = tuple(float(v) for v in (value if count > 1 else [value]))
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and bool(np.isfinite(numbers).all()) else None


def number_of(data: Dataset, keyword: str) -> float | None:
    """Return the finite number of an attribute, or None if it is anything else."""
    numbers = numbers_of(data, keyword, 1)
    return numbers[0] if numbers else None


def whole_of(data: Dataset, keyword: str, default: int) -> int:
    """Return the whole number of an attribute, or ``default``."""
    number = number_of(data, keyword)
    return default if number is None else int(number)


def items_of(data: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none if it is missing."""
    value = value_of(data, keyword)
    return list(value) if isinstance(value, pydicom.Sequence) else []


class Groups:
    """What the file says of each frame: its own group, the shared one, then the top of the file.

    Cone-beam machines write multi-frame files that keep at the top what an Enhanced CT keeps in
    functional groups (DICOM PS3.3 C.7.6.16), so that is looked for there as well.
    """

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self._each = items_of(data, "PerFrameFunctionalGroupsSequence")
        self._shared = (items_of(data, "SharedFunctionalGroupsSequence") or [Dataset()])[0]

    def __len__(self) -> int:
        """The number of frames; 1 for a file that says nothing of frames."""
        return max(len(self._each), whole_of(self.data, "NumberOfFrames", 1), 1)

    def own(self, frame: int, sequence: str, keyword: str) -> Dataset | None:
        """The item of ``sequence`` that holds ``keyword`` for a frame; None where none does."""
        for place in [*self._each[frame : frame + 1], self._shared]:
            for item in items_of(place, sequence)[:1]:
                if value_of(item, keyword) is not None:
                    return item
        return None

    def contradicted(self, frame: int) -> str:
        """The attribute that is stated twice for a frame with different values; "" for none."""
        if not self._each and not self._shared:
            return ""
        for sequence, keyword, count in _ONCE:
            places = [*self._each[frame : frame + 1], self._shared]
            holders = [item for place in places for item in items_of(place, sequence)[:1]]
            if keyword != "ImagePositionPatient":  # at the top that is the first frame's
                holders.append(self.data)
            values = [v for v in (numbers_of(h, keyword, count) for h in holders) if v is not None]
            if any(not np.allclose(v, values[0], rtol=1e-3, atol=1e-3) for v in values[1:]):
                return keyword
        return ""

    def holder(self, frame: int, sequence: str, keyword: str) -> Dataset:
        """Like ``own``, or else the top of the file, whether it holds ``keyword`` or not."""
        item = self.own(frame, sequence, keyword)
        return self.data if item is None else item
