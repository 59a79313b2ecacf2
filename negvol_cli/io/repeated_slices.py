"""Slices that a volume holds twice: a stack put together wrongly, or filled up with copies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume

SAMPLED: Final = 4096
"""Voxels of a slice that are compared, at least. Each has noise of its own, so that no two slices
that a scanner made are equal: one of 108 real scans (``tmj/``, ``headneck/``) has two equal ones.
"""
LEAST_VALUES: Final = 32
"""Different ones among them: slices of padding, or of air that was cut off at its floor, are alike
in many scans."""
LEAST_COPIED: Final = 2
"""A single copy stands in for a slice that was lost, as one of visible-male does, 65 mm above the
joints; it moves bone by half a slice at most."""
_FEWER: Final = 4
"""Times fewer voxels along both sides of a slice tell most slices apart."""
MOST_APART_MM: Final = 80.0
"""Farther apart than slabs overlap: a whole head that is there twice is told by its joints."""
PLANES: Final = ("axial", "coronal", "sagittal")
"""The slices along z, y and x."""


def repeated_slices(volume: Volume, name: str) -> tuple[str, ...]:
    """Return flags where slices are copies of their neighbours; () where none are.

    Copies of the first or the last slice say nothing: a resampler fills up a volume with them.

    Raises
    ------
    InputError
        A slice equals another near it, but not next to it: a part was stacked twice. The message
        calls the scan ``name``.
    """
    flags = []
    for axis, plane in enumerate(PLANES):
        copies = []
        for before, number in _equal(volume.values_zyx, axis):
            apart_mm = (number - before) * volume.grid.spacing_mm_xyz[2 - axis]
            if before < number - 1 and apart_mm <= MOST_APART_MM:
                raise InputError(
                    f"two {plane} slices of {name}, {apart_mm:.1f} mm apart, are the same, so that "
                    "a part of the head was stacked twice: export the scan again"
                )
            if before == number - 1:
                copies.append(number)
        count = volume.values_zyx.shape[axis]
        if (inner := _between_ends(copies, count)) >= LEAST_COPIED:
            flags.append(
                f"{inner} of {count} {plane} slices are copies of their neighbours: figures are "
                "rough"
            )
    return tuple(flags)


def _equal(values_zyx: npt.NDArray[Any], axis: int) -> Iterator[tuple[int, int]]:
    """Each slice across ``axis`` that equals an earlier one: the last such one, and its number."""
    across = np.moveaxis(values_zyx, axis, 0)
    step = max(1, math.isqrt(across[0].size // SAMPLED))
    last: dict[bytes, int] = {}
    for number in _alike(across[:, :: step * _FEWER, :: step * _FEWER]):
        slice_ = across[number, ::step, ::step]
        voxels = slice_.tobytes()
        before = last.get(voxels)
        last[voxels] = number
        if before is not None and len(np.unique(slice_)) >= LEAST_VALUES:
            yield before, number


def _alike(slices: npt.NDArray[Any]) -> list[int]:
    """The numbers of slices that are equal to another one, in rising order."""
    numbers: dict[bytes, list[int]] = {}
    for number, slice_ in enumerate(slices):
        numbers.setdefault(slice_.tobytes(), []).append(number)
    return sorted(number for equal in numbers.values() if len(equal) > 1 for number in equal)


def _between_ends(copies: list[int], count: int) -> int:
    """How many of the ``copies`` belong to the run of equal slices at neither end."""
    found = set(copies)
    first, last = 1, count - 1
    while first in found:
        found.remove(first)
        first += 1
    while last in found:
        found.remove(last)
        last -= 1
    return len(found)
