"""How the slices of a series lie, and the straight, even grid that they are brought to.

Slices are ordered along their normal by their positions. A tilted gantry moves each slice sideways
relative to the one before; uneven or missing slices leave gaps. Both are seen in the positions
alone, and no attribute that describes the acquisition overrides them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Points, vector
from negvol_cli.io.dicom.headers import Frame
from negvol_cli.io.dicom.series import Series
from negvol_cli.io.dicom.slice_steps import fine_part, grid_step, tolerance_mm
from negvol_cli.io.dicom.stacks import LEAST_SLICES, normal_of
from negvol_cli.io.header_checks import MAX_SIDE, MAX_VOXELS, SAME_SIZE

SAME_PLACE_MM: Final = 0.01
"""Positions are written with two to six decimals; rounding stays below it."""

_SIDEWAYS: Final = 0.25  # of a pixel


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
    """Return the layout of a series. Raises InputError if its slices cannot make one volume."""
    first = series.frames[0].common
    if series.unusable or first.axes is None or first.spacing_mm_xy is None:
        raise InputError(f"{series.name} cannot be measured: {series.why_not}")
    axes = np.array(first.axes[:3]), np.array(first.axes[3:]), normal_of(first)
    slices, places = _ordered(series, axes[2])
    along = (places - places[0]) @ axes[2]
    part, coarse = fine_part(along)
    slices, places, along = slices[part], places[part], along[part] - along[part][0]
    if len(slices) < LEAST_SLICES:
        raise InputError(f"{series.name} has {len(slices)} slices: a scan needs many")
    offsets = np.stack([(places - places[0]) @ axis for axis in axes[:2]], axis=1)
    spacing = np.array(first.spacing_mm_xy)
    sideways, low, tilt = _sideways(offsets, along, spacing)
    step, gap, gaps = grid_step(along, series.name)
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
    origin = places[0] + low[0] * spacing[0] * axes[0] + low[1] * spacing[1] * axes[1]
    direction = tuple(np.column_stack(axes).ravel().tolist())
    grid = Grid(size, (*first.spacing_mm_xy, step), vector(origin), direction)
    notes = (*coarse, *tilt, *gaps, *_doubts(series, along, tilt))
    return Layout(slices, along, sideways, grid, gap, notes)


def _ordered(series: Series, normal: Points) -> tuple[tuple[tuple[Frame, ...], ...], Points]:
    """The images at each place, in the order of the places, and those (N, 3), LPS mm."""
    places = np.array([frame.position_mm for frame in series.frames])
    order = np.argsort(places @ normal, kind="stable")
    places = places[order]
    groups = _same_place(places, (places - places[0]) @ normal, series)
    slices = tuple(tuple(series.frames[order[i]] for i in group) for group in groups)
    return slices, places[[group[0] for group in groups]]


def _same_place(places: Points, along: Points, series: Series) -> list[list[int]]:
    """The indices of the ordered slices, those at one place together."""
    groups = [[0]]
    for i in range(1, len(along)):
        if along[i] - along[groups[-1][0]] > SAME_PLACE_MM:
            groups.append([i])
        elif np.linalg.norm(places[i] - places[groups[-1][0]]) > 10 * SAME_PLACE_MM:
            raise InputError(
                f"{series.name} contains images side by side in one plane, not a single "
                "volume: export the series to be measured"
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


def _doubts(series: Series, along: Points, tilt: tuple[str, ...]) -> tuple[str, ...]:
    """What the header says that the positions do not bear out."""
    first = series.frames[0].common
    doubts = list(series.notes)
    if len({frame.common.frame_of_reference for frame in series.frames}) > 1:
        doubts.append(
            "each image names a frame of reference of its own, which says nothing: their positions "
            "were taken as those of one scan"
        )
    if first.detector_mm_xy and not np.allclose(
        first.detector_mm_xy, first.spacing_mm_xy or (), rtol=SAME_SIZE, atol=0
    ):
        x, y = first.detector_mm_xy
        doubts.append(
            f"the header names pixels of {x:.3g} x {y:.3g} mm at the detector "
            "(ImagerPixelSpacing): its PixelSpacing was taken"
        )
    said, is_mm = first.between_mm, float(np.median(np.diff(along)))
    if said and not first.counted and abs(abs(said) - is_mm) > tolerance_mm(is_mm):
        doubts.append(
            f"the header names {abs(said):.3g} mm between slices (SpacingBetweenSlices) and their "
            f"positions {is_mm:.3g} mm: the positions were taken"
        )
    if abs(first.tilt_degrees) > 0.5 and not tilt:
        doubts.append(
            f"the header names a gantry tilt of {first.tilt_degrees:.3g} degrees and the slices "
            "lie straight: unless they were corrected, figures are wrong"
        )
    if first.counted:
        doubts.append(
            "the header places only the first image; the others were counted by its spacing"
        )
    if any(frame.common.lossy for frame in series.frames):
        doubts.append("the images were compressed with loss")
    return tuple(doubts)
