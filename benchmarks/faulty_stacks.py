"""Places about the condyles at which a stack of slices is spoilt, and the heads that it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.heads import HEADS
from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.slices_about import AROUND
from training.data.dataset import joint_centres

PLACES: Final = 20
WITHIN_MM: Final = 12.0
LEFT: Final = AROUND + 1
"""Slices that stay at either end of the stack."""


def heads(folder: Path) -> Iterator[tuple[str, Volume, list[Vector]]]:
    """Each annotated head of ``folder``, in HU, with the centres of its condyles."""
    centres = joint_centres(folder)
    for head in HEADS:
        ct = in_hu(read_scan(folder / head / "ct.nii.gz").volume).volume
        yield head, ct, list(centres[head].values())


def places(
    ct: Volume, centres_mm: Sequence[Vector], rng: np.random.Generator, lost: int = 0
) -> Iterator[int]:
    """The first slice of ``PLACES`` faults within 12 mm of the condyles, ``lost`` slices long."""
    middle = np.mean([ct.grid.to_index(centre)[2] for centre in centres_mm])
    reach = WITHIN_MM / ct.grid.spacing_mm_xyz[2]
    for _ in range(PLACES):
        first = round(middle + rng.uniform(-reach, reach) - lost / 2)
        yield min(max(first, LEFT), ct.grid.size_xyz[2] - lost - LEFT)
