"""The axial slices of a scan about the condyles, in which faults of the stack are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Grid, Vector, Volume, vector

NEAR_MM: Final = 20.0
"""Above or below a condyle: past the measurement sphere."""
BESIDE_MM: Final = 32.0
"""Half a joint frame."""
AROUND: Final = 3
"""Pairs of slices on either side, with which a pair is compared."""
SHOWN_HU: Final = (-200.0, 1300.0)
"""Soft tissue and bone count: air and metal would outweigh them."""


@dataclass(frozen=True, slots=True, eq=False)
class SlicesAbout:
    """The part of a scan about the condyles, which lie at these heights in it, in slices."""

    ct: Volume
    condyles: tuple[float, ...]

    def above_mm(self, number: int) -> float:
        """How far between slices ``number`` and the next lies over the nearest condyle."""
        apart = number + 0.5 - np.array(self.condyles)
        return float(apart[np.argmin(np.abs(apart))] * self.ct.grid.spacing_mm_xyz[2])


def slices_about(ct: Volume, centres_mm: Sequence[Vector]) -> SlicesAbout | None:
    """The slices of ``ct`` about condyles centred at ``centres_mm`` (LPS); None without a condyle.

    The part may be empty where they lie outside.
    """
    if not centres_mm:
        return None
    grid = ct.grid
    spacing_mm = np.array(grid.spacing_mm_xyz)
    centres = np.array([grid.to_index(centre) for centre in centres_mm])
    around = np.array([BESIDE_MM, BESIDE_MM, NEAR_MM]) / spacing_mm + np.array([0, 0, AROUND])
    low = np.clip(np.floor(centres.min(axis=0) - around).astype(int), 0, grid.size_xyz)
    high = np.clip(np.ceil(centres.max(axis=0) + around).astype(int) + 1, low, grid.size_xyz)
    values = ct.values_zyx[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    nx, ny, nz = (int(n) for n in high - low)
    part = Grid((nx, ny, nz), grid.spacing_mm_xyz, vector(grid.to_world(low)), grid.direction)
    return SlicesAbout(Volume(values, part), tuple(float(z) for z in centres[:, 2] - low[2]))


def placed(above_mm: float) -> str:
    """A place in words, to go before "the condyles"."""
    return f"{abs(above_mm):.0f} mm {'above' if above_mm >= 0 else 'below'}"
