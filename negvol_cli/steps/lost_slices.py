"""Slices that a stack lacks: where the head changes from one to the next more than around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector, Volume

ABRUPT: Final = 1.3
"""Times the change between the slices around them. About the joints of eight real heads as they are
the greatest is 1.11, of phantoms 1.12; one lost slice is told in seven of ten places there, two in
nine (``benchmarks/lost_slices.py``)."""
ALIKE: Final = 0.35
"""The change on one side as a share of that on the other: less where the scan ends in padding."""
AROUND: Final = 3
"""Pairs of slices on either side."""
NEAR_MM: Final = 20.0
"""Above or below a condyle: past the measurement sphere."""
BESIDE_MM: Final = 32.0
"""Half a joint frame."""
SHOWN_HU: Final = (-200.0, 1300.0)
"""Soft tissue and bone count: air and metal would outweigh them."""
SAMPLED: Final = 16384
"""Voxels of a slice that are compared, at least, where it has them."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jump:
    """``times`` the usual change between two axial slices, ``above_mm`` over the condyles."""

    times: float
    above_mm: float


def greatest_jump(ct: Volume, centres_mm: Sequence[Vector]) -> Jump | None:
    """The most abrupt change between axial slices near the condyles; None where none is seen.

    ``ct`` is in HU, ``centres_mm`` (LPS) are those of the condyles that were found.
    """
    grid = ct.grid
    spacing_mm = np.array(grid.spacing_mm_xyz)
    centres = np.array([grid.to_index(centre) for centre in centres_mm])
    around = np.array([BESIDE_MM, BESIDE_MM, NEAR_MM]) / spacing_mm + np.array([0, 0, AROUND])
    low = np.clip(np.floor(centres.min(axis=0) - around).astype(int), 0, grid.size_xyz)
    high = np.clip(np.ceil(centres.max(axis=0) + around).astype(int) + 1, low, grid.size_xyz)
    times = _times(ct.values_zyx[low[2] : high[2], low[1] : high[1], low[0] : high[0]])
    if not len(times):
        return None
    number = int(np.argmax(times))
    between = low[2] + number + 0.5
    above = (between - centres[:, 2]) * spacing_mm[2]
    return Jump(float(times[number]), float(above[np.argmin(np.abs(above))]))


def lost_slice_flags(ct: Volume, centres_mm: Sequence[Vector]) -> tuple[str, ...]:
    """A flag where slices seem to be missing near the condyles; see ``greatest_jump``."""
    jump = greatest_jump(ct, centres_mm) if centres_mm else None
    if jump is None or jump.times < ABRUPT:
        return ()
    where = f"{abs(jump.above_mm):.0f} mm {'above' if jump.above_mm >= 0 else 'below'}"
    return (
        f"slices seem to be missing {where} the condyles, where the head changes {jump.times:.1f} "
        "times as much as between other slices: figures are wrong if they are",
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
    shown = np.clip(values_zyx[:, ::step, ::step].astype(np.float32), *SHOWN_HU)
    return np.asarray(np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2), dtype=np.float64))
