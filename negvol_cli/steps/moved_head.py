"""A head that moved while it was scanned: a step in the plane between two axial slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.blocks import pooled
from negvol_cli.geometry.grid import Volume
from negvol_cli.steps.slices_about import AROUND, SHOWN_HU, SlicesAbout, placed

STEP_MM: Final = 1.0
"""A step that is told. About the joints of eight real heads as they are the greatest is 0.49 mm, in
slices of 3 mm; steps of 1 mm are told in three of four places, of 2 mm in 159 of 160
(``benchmarks/moved_head.py``)."""
OF_VOXEL: Final = 0.5
"""And no less than this share of the voxel's longest side: 100 planning CT in voxels of 4 to 5
mm reach 1.4 mm."""
EXPLAINED: Final = 0.08
"""The least share of the change between two slices that a movement explains: of the end of a scan
in padding it explains hardly anything (``tests/steps/test_moved_head.py``)."""
PIXEL_MM: Final = 2.0
"""Slices are averaged to about this size: noise, and bones thinner than that, count for less."""
FLAT_HU_PER_MM: Final = 5.0
"""A slope that noise has: images with no more than that show no movement."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Step:
    """By how much the head lies elsewhere from one axial slice on, ``above_mm`` over a condyle."""

    by_mm: float
    above_mm: float


def greatest_step(about: SlicesAbout) -> Step | None:
    """The greatest step in the plane between two slices; None where there are too few."""
    nx, ny, nz = about.ct.grid.size_xyz
    right, back, _ = about.ct.grid.spacing_mm_xyz
    many = (max(1, round(PIXEL_MM / right)), max(1, round(PIXEL_MM / back)))
    if nz < 2 * AROUND + 2 or min(nx // many[0], ny // many[1]) < 2:
        return None
    moved, explained = _movement(pooled(about.ct, (*many, 1)))
    steps = np.zeros(len(moved))
    for number in range(AROUND, len(moved) - AROUND):
        beside = np.r_[number - AROUND : number, number + 1 : number + 1 + AROUND]
        if explained[number] >= EXPLAINED:
            steps[number] = np.linalg.norm(moved[number] - np.median(moved[beside], axis=0))
    number = int(np.argmax(steps))
    return Step(float(steps[number]), about.above_mm(number))


def moved_head_flags(about: SlicesAbout | None) -> tuple[str, ...]:
    """A flag where the head seems to have moved, in a scan in HU; see ``greatest_step``."""
    if about is None or (step := greatest_step(about)) is None:
        return ()
    if step.by_mm < max(STEP_MM, OF_VOXEL * max(about.ct.grid.spacing_mm_xyz)):
        return ()
    return (
        f"the head seems to have moved by {step.by_mm:.1f} mm between two slices, "
        f"{placed(step.above_mm)} the condyles: figures are wrong if it has",
    )


def _movement(slices: Volume) -> tuple[Floats, Floats]:
    """(Z - 1, 2): by how much each slice is best moved along x and y to become the next, mm.

    And (Z - 1,) the share of the mean squared change that this explains. The step of Lucas and
    Kanade (IJCAI 1981): least squares of the change against both slopes.
    """
    shown = np.clip(slices.values_zyx, *SHOWN_HU)
    spacing = slices.grid.spacing_mm_xyz
    change = np.diff(shown, axis=0)
    along_x, along_y = (
        (slope[1:] + slope[:-1]) / 2
        for slope in (np.gradient(shown, spacing[i], axis=2 - i) for i in range(2))
    )
    xx, yy = ((slope * slope).mean(axis=(1, 2)) + FLAT_HU_PER_MM**2 for slope in (along_x, along_y))
    xy = (along_x * along_y).mean(axis=(1, 2))
    x, y = (-(slope * change).mean(axis=(1, 2)) for slope in (along_x, along_y))
    moved = np.stack([yy * x - xy * y, xx * y - xy * x], axis=1) / (xx * yy - xy * xy)[:, None]
    change_2 = np.maximum((change * change).mean(axis=(1, 2)), FLAT_HU_PER_MM**2)
    return moved, (moved[:, 0] * x + moved[:, 1] * y) / change_2
