"""How far the slices of a series lie apart, and which of them make an even volume."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Points
from negvol_cli.io.ct_checks import COARSE_MM
from negvol_cli.io.header_checks import LEAST_SCAN_MM

_ROUNDED_MM: Final = 0.06  # positions are written rounded to a tenth of a mm by some
_UNEVEN: Final = 0.05  # of a step
_FINE: Final = 10  # per cent of the steps may be smaller than the grid's
_WIDE: Final = 1.5  # of a usual step, where that is over COARSE_MM
_MOST_MISSING: Final = 0.1  # of the length
_LEAST_COARSE: Final = 2  # one wide step is a gap


def tolerance_mm(step_mm: float) -> float:
    """How far a slice may be from its place on an even grid, and still count as there."""
    return max(_ROUNDED_MM, _UNEVEN * step_mm)


def fine_part(along: Points) -> tuple[slice, tuple[str, ...]]:
    """Of slices at ``along`` (N,), in mm, those that lie close together, and what to say.

    Many scanners take fine slices through the base of the skull and thick ones above. All slices
    are kept where none is much coarser than the others, and where the scan has holes.
    """
    everything = slice(0, len(along)), ()
    steps = np.diff(along)
    if len(steps) == 0:
        return everything
    fine = float(np.percentile(steps, _FINE, method="lower"))
    wide = steps > max(COARSE_MM, _WIDE * fine)
    count = np.count_nonzero(wide)
    if count == 0:
        return everything
    begins = np.flatnonzero(np.concatenate([[True], wide, [True]])).tolist()  # runs of fine steps
    low, high = max(pairwise(begins), key=lambda run: float(along[run[1] - 1] - along[run[0]]))
    left_out = len(along) - (high - low)
    few = steps[wide].sum() <= _MOST_MISSING * along[-1]  # gaps, unless nothing else is left out
    coarse = count == left_out >= _LEAST_COARSE if few else count >= left_out / 2
    if not coarse or along[high - 1] - along[low] + fine < LEAST_SCAN_MM:
        return everything
    return slice(low, high), (
        f"{left_out} slices up to {steps.max():.3g} mm apart were left out: only the "
        f"{high - low} fine ones, over {along[high - 1] - along[low]:.0f} mm, were measured",
    )


def grid_step(along: Points, name: str) -> tuple[float, float, tuple[str, ...]]:
    """The step of the even grid for slices at ``along`` (N,), what is a gap, and what to say; mm.

    Raises InputError, naming the series, where too much of the scan is missing.
    """
    steps = np.diff(along)
    usual = float(np.median(steps))
    even = float(along[-1]) / (len(along) - 1)
    if np.abs(along - even * np.arange(len(along))).max() <= tolerance_mm(even):
        return even, math.inf, ()
    whole = along / usual
    on_grid = np.abs(whole - whole.round()).max() * usual <= tolerance_mm(usual)
    fine = max(float(np.percentile(steps, _FINE, method="lower")), usual / 2)
    step = float(along[-1] / whole[-1].round()) if on_grid else fine
    gap = max(COARSE_MM, _WIDE * usual)
    wide = steps[steps > gap]
    if wide.sum() > _MOST_MISSING * along[-1]:
        raise InputError(
            f"the slices of {name} lie {steps.min():.3g} to {steps.max():.3g} mm apart, so "
            "that too much of the scan is missing: export the whole series again"
        )
    notes = []
    if on_grid:
        notes.append(f"{round(float(whole[-1])) + 1 - len(along)} slices are missing")
    else:
        notes.append(f"slices lie {steps.min():.3g} to {steps.max():.3g} mm apart")
    if len(wide) < np.count_nonzero(steps > usual * (1 + _UNEVEN)) or not on_grid:
        notes.append("between neighbours the scan was interpolated")
    if len(wide):
        notes.append(f"{len(wide)} gap(s) of up to {wide.max():.3g} mm count as not scanned")
    return step, gap, ("; ".join(notes),)
