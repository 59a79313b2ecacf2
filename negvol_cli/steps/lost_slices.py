"""Slices that a stack lacks: where the head changes from one to the next more than around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.steps.slices_about import AROUND, SHOWN_HU, SlicesAbout, placed

ABRUPT: Final = 1.3
"""Times the change between the slices around them. About the joints of eight real heads as they are
the greatest is 1.11, of phantoms 1.12; one lost slice is told in seven of ten places there, two in
nine (``benchmarks/lost_slices.py``)."""
ALIKE: Final = 0.35
"""The change on one side as a share of that on the other: less where the scan ends in padding."""
SAMPLED: Final = 16384
"""Voxels of a slice that are compared, at least, where it has them."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jump:
    """``times`` the usual change between two axial slices, ``above_mm`` over the condyles."""

    times: float
    above_mm: float


def greatest_jump(about: SlicesAbout) -> Jump | None:
    """The most abrupt change between axial slices; None where there are none to compare."""
    times = _times(about.ct.values_zyx)
    if not len(times):
        return None
    number = int(np.argmax(times))
    return Jump(float(times[number]), about.above_mm(number))


def lost_slice_flags(about: SlicesAbout | None) -> tuple[str, ...]:
    """A flag where slices seem to be missing, of a scan in HU; see ``greatest_jump``."""
    if about is None or (jump := greatest_jump(about)) is None or jump.times < ABRUPT:
        return ()
    return (
        f"slices seem to be missing {placed(jump.above_mm)} the condyles, where the head changes "
        f"{jump.times:.1f} times as much as between other slices: figures are wrong if they are",
    )


def _times(values_zyx: npt.NDArray[np.generic]) -> Floats:
    """(Z - 1,): by how much each slice differs from the next, over the most around them.

    0 at both ends, and where the slices below and above differ by unlike amounts.
    """
    changes = _changes(values_zyx)
    times = np.zeros(len(changes))
    for number in range(AROUND, len(changes) - AROUND):
        below = changes[number - AROUND : number].max()
        above = changes[number + 1 : number + 1 + AROUND].max()
        if min(below, above) > ALIKE * max(below, above):
            times[number] = changes[number] / max(below, above)
    return times


def _changes(values_zyx: npt.NDArray[np.generic]) -> Floats:
    """(Z - 1,): the mean absolute difference between slices that follow each other, HU."""
    if len(values_zyx) < 2 or not values_zyx[0].size:
        return np.zeros(0)
    step = max(1, int(np.sqrt(values_zyx[0].size / SAMPLED)))
    changes, before = [], _shown(values_zyx[0], step)
    for slice_ in values_zyx[1:]:
        shown = _shown(slice_, step)
        changes.append(np.abs(shown - before).mean(dtype=np.float64))
        before = shown
    return np.array(changes)


def _shown(slice_: npt.NDArray[np.generic], step: int) -> npt.NDArray[np.float32]:
    """Every so many voxels of a slice, HU; all slices at once would not stay in a core's cache."""
    return np.clip(slice_[::step, ::step].astype(np.float32), *SHOWN_HU)
