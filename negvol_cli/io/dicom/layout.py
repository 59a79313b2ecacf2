"""How the slices of a series lie to each other, and the straight, even grid they are brought to.

Slices are ordered along their normal by their positions. A tilted gantry moves each slice sideways
of the one before; uneven or missing slices leave gaps. Both are seen in the positions alone, and
no attribute that describes the acquisition is trusted over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Points, vector
from negvol_cli.io.ct_checks import COARSE_MM
from negvol_cli.io.dicom.headers import Frame
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.stacks import LEAST_SLICES, normal_of
from negvol_cli.io.header_checks import MAX_SIDE, MAX_VOXELS

SAME_PLACE_MM: Final = 0.01

_ROUNDED_MM: Final = 0.06  # positions are written rounded to a tenth of a mm by some
_UNEVEN: Final = 0.05  # of a step
_SIDEWAYS: Final = 0.25  # of a pixel
_FINE: Final = 10  # per cent of the steps may be smaller than the grid's
_WIDE: Final = 1.5  # of a usual step, where that is over COARSE_MM
_MOST_MISSING: Final = 0.1  # of the length


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Slices in the order of their positions, and the grid of the volume they make.

    ``slices``: for each place the images there, one unless they repeat. ``along_mm`` (N,): the
    places along the normal, from the first. ``sideways`` (N, 2): how many voxels of the grid, along
    x and y, the first pixel of each slice lies from the grid's first column and row; at least 0.
    ``gap_mm``: neighbours farther apart than this have lost what was between them. ``notes``: what
    the reader of a report should know, in words.
    """

    slices: tuple[tuple[Frame, ...], ...]
    along_mm: Points
    sideways: Points
    grid: Grid
    gap_mm: float
    notes: tuple[str, ...]


def lay_out(series: Series) -> Layout:
    """The layout of a series. Raises InputError where its slices cannot make one volume."""
    first = series.frames[0].common
    if series.unusable or first.axes is None or first.spacing_mm_xy is None:
        raise InputError(f"{series.name} cannot be measured: {series.why_not}")
    row, column, normal = np.array(first.axes[:3]), np.array(first.axes[3:]), normal_of(first)
    places = np.array([frame.position_mm for frame in series.frames])
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    along = (places - places[0]) @ normal
    groups = _same_place(places, along, series)
    slices = tuple(tuple(series.frames[order[i]] for i in group) for group in groups)
    keep = [group[0] for group in groups]
    places, along = places[keep], along[keep]
    if len(slices) < LEAST_SLICES:
        raise InputError(f"{series.name} has {len(slices)} slices: a scan needs many")
    offsets = np.stack([(places - places[0]) @ row, (places - places[0]) @ column], axis=1)
    spacing = np.array(first.spacing_mm_xy)
    sideways, low, tilt = _sideways(offsets, along, spacing)
    step, gap, gaps = _steps(along, series)
    size = (
        first.size_xy[0] + math.ceil(sideways[:, 0].max() - 1e-3),
        first.size_xy[1] + math.ceil(sideways[:, 1].max() - 1e-3),
        round(float(along[-1]) / step) + 1,
    )
    if math.prod(size) > MAX_VOXELS:
        raise InputError(
            f"the slices of {series.name} lie so far apart or so askew that their volume would "
            f"have more than {MAX_SIDE} cubed voxels: export the series again"
        )
    origin = places[0] + low[0] * spacing[0] * row + low[1] * spacing[1] * column
    direction = tuple(np.column_stack([row, column, normal]).ravel().tolist())
    grid = Grid(size, (*first.spacing_mm_xy, step), vector(origin), direction)
    return Layout(slices, along, sideways, grid, gap, (*tilt, *gaps, *_doubts(series, tilt)))


def tolerance_mm(step_mm: float) -> float:
    """How far a slice may be from its place on an even grid, and still count as there."""
    return max(_ROUNDED_MM, _UNEVEN * step_mm)


def _same_place(places: Points, along: Points, series: Series) -> list[list[int]]:
    """The indices of the ordered slices, those at one place together."""
    groups = [[0]]
    for i in range(1, len(along)):
        if along[i] - along[groups[-1][0]] > SAME_PLACE_MM:
            groups.append([i])
        elif np.linalg.norm(places[i] - places[groups[-1][0]]) > 10 * SAME_PLACE_MM:
            raise InputError(
                f"{series.name} holds images side by side in one plane: they are no single volume"
            )
        else:
            groups[-1].append(i)
    return groups


def _sideways(
    offsets_mm: Points, along: Points, spacing: Points
) -> tuple[Points, Points, tuple[str, ...]]:
    """Sideways shifts in voxels (N, 2) from the lowest, that lowest (2,), and what to say."""
    shifts = offsets_mm / spacing
    if np.abs(shifts).max() <= _SIDEWAYS:
        return np.zeros_like(shifts), np.zeros(2), ()
    low = shifts.min(axis=0)
    slope = np.linalg.norm(offsets_mm[-1] - offsets_mm[0]) / (along[-1] - along[0])
    said = f"scanned with the gantry tilted by {math.degrees(math.atan(slope)):.1f} degrees"
    return shifts - low, low, (f"{said}; the slices were shifted to a straight grid",)


def _steps(along: Points, series: Series) -> tuple[float, float, tuple[str, ...]]:
    """The step of the grid, what is a gap, and what to say of both; all in mm."""
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
            f"the slices of {series.name} lie {steps.min():.3g} to {steps.max():.3g} mm apart, so "
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


def _doubts(series: Series, tilt: tuple[str, ...]) -> tuple[str, ...]:
    """What the header says that the positions do not bear out."""
    first = series.frames[0].common
    doubts = []
    if abs(first.tilt_degrees) > 0.5 and not tilt:
        doubts.append(
            f"the header names a gantry tilt of {first.tilt_degrees:.3g} degrees and the slices "
            "lie straight: unless they were corrected, figures are wrong"
        )
    if first.counted:
        doubts.append(
            "the header places only the first image; the others were counted by its spacing"
        )
    if first.lossy:
        doubts.append("the images were compressed with loss")
    return tuple(doubts)
