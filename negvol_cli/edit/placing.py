"""A fix brought to the grid on which it can be compared with the automatic outlines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.edit.fix import Fix, Segment
from negvol_cli.edit.matching import Held, was_measured
from negvol_cli.edit.stored import StoredJoint, StoredResult
from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.resample import crop_to, resample_nearest
from negvol_cli.structures import Label, Side

Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

SAME_MM: Final = 0.02
"""Two grids whose voxels lie closer are one: editors write seven digits."""
FROM_EDGE: Final = 0.75
"""In voxels: where a file was resampled, its outlines differ that much from ours by themselves."""


def sides_of(fix: Fix, result: StoredResult) -> tuple[Side, ...]:
    """The sides at which the fix has outlines.

    Raises InputError where the fix belongs to another scan, lies at no joint of the result, or at
    another side's than it states.
    """
    path = fix.path
    if fix.scan_sha256 and fix.scan_sha256 != result.scan_sha256:
        raise InputError(
            f"{path} was made from another scan than {result.folder}: give the result that its "
            "edit/ folder belongs to"
        )
    found = []
    for side, joint in result.joints.items():
        at = [s for s in fix.segments if _touches(s.mask_zyx, fix, joint)]
        for segment in at:
            if segment.side not in (None, side):
                raise _on_other_side(fix, segment.side, side, result)
        _refuse_doubles(at, side, path)
        found += [side] if at else []
    if not found:
        known = " and ".join(str(side) for side in result.joints) or "no"
        raise InputError(
            f"{path} has no outline at the {known} joint of {result.folder}: it is another scan's, "
            "or was moved"
        )
    if fix.side is not None and fix.side not in found:
        raise _on_other_side(fix, fix.side, found[0], result)
    if len(found) > 1 and not fix.named and all(s.side is None for s in fix.segments):
        raise InputError(
            f"{path} has the labels 1 and 2 at both joints, so that it is not as negvol wrote it: "
            "right is 1 and 2, left 4 and 5"
        )
    _refuse_strays(fix, found, result)
    return tuple(found)


def _refuse_strays(fix: Fix, found: Sequence[Side], result: StoredResult) -> None:
    """Raise InputError where outlines lie elsewhere, or were taken out of the scan's own map."""
    whole = not fix.named and is_aligned(fix.volume.grid, result.labels.volume.grid)
    for side in result.joints if whole else ():
        if side not in found:
            raise InputError(
                f"{fix.path} has no outline of the {side} joint any more, and {result.folder} has: "
                "undo that, or give one joint's file alone"
            )
    for segment in fix.segments:
        whose = segment.side
        if whose in result.joints and whose not in found and segment.mask_zyx.any():
            raise InputError(
                f"{fix.path} has no outline where the {whose} joint of {result.folder} lies: it "
                "was moved, or is another scan's"
            )


def _refuse_doubles(segments: Sequence[Segment], side: Side, path: Path) -> None:
    """Raise InputError where two segments at one joint are the same bone by name."""
    known: dict[Label, Segment] = {}
    for segment in segments:
        other = known.setdefault(segment.label, segment)
        if other is not segment:
            bone = segment.label.name.lower().replace("_", " ")
            raise InputError(
                f"{path}: {other.name!r} and {segment.name!r} are both the {bone} of the {side} "
                "joint: unite them, or rename the one that is not meant"
            )


def _on_other_side(fix: Fix, stated: Side | None, side: Side, result: StoredResult) -> InputError:
    return InputError(
        f"{fix.path} calls {stated} what lies at the {side} joint of {result.folder}: the image "
        "was mirrored, or the sides exchanged"
    )


def held_against(fix: Fix, side: Side, result: StoredResult) -> tuple[Held, Grid]:
    """The joint's labels by the fix and by the program, and the grid that both are on.

    Raises InputError where the fix does not cover the joint or names a bone twice.
    """
    joint = result.joints[side]
    fixed = _labels_of(fix, side)
    sound = was_measured(result.report.joint(side).status)
    window, scan = joint.outline, result.labels.volume
    part = crop_to(fixed, joint.basis.measured.frame.grid, margin=0)
    if is_aligned(fixed.grid, window.grid):
        on_window = _on(window.grid, fixed)
        if not fix.named and not _covers(fixed.grid, window.grid):
            raise InputError(
                f"{fix.path} covers only a part of the {side} joint's outlines: save the whole "
                "image"
            )
        edited = on_window != window.values_zyx
        drawn = 0 if part is None else int(np.count_nonzero(part.values_zyx))
        beyond_mm3 = max(drawn - int(np.count_nonzero(on_window)), 0) * window.grid.voxel_mm3
        return Held(side, on_window, window.values_zyx, edited, sound, beyond_mm3), window.grid
    if part is None:
        raise InputError(f"{fix.path} does not cover the {side} joint: give its outlines")
    if is_aligned(fixed.grid, scan.grid):
        automatic = _on(part.grid, result.labels_of(side))
        edited = automatic != part.values_zyx
        return Held(side, part.values_zyx, automatic, edited, sound), part.grid
    automatic = resample_nearest(window, part.grid)
    near = np.where(_within(part.grid, window.grid), part.values_zyx, automatic)
    return Held(side, near, automatic, _clearly(automatic, near), sound), part.grid


def is_aligned(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same voxels where they overlap."""
    steps = np.abs(one.axes - other.axes) * max(*one.size_xyz, *other.size_xyz)
    offset = one.to_index(other.origin_mm_xyz)
    apart = np.abs(offset - np.rint(offset)) * one.spacing_mm_xyz
    return bool(steps.max() < 5 * SAME_MM and apart.max() < SAME_MM)


def _touches(mask_zyx: Mask, fix: Fix, joint: StoredJoint) -> bool:
    part = crop_to(Volume(mask_zyx, fix.volume.grid), joint.outline.grid, margin=0)
    return part is not None and bool(part.values_zyx.any())


def _labels_of(fix: Fix, side: Side) -> Volume:
    """One side's labels on the grid of the fix."""
    grid = fix.volume.grid
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    for segment in fix.segments:
        if segment.side in (None, side):
            labels[segment.mask_zyx] = segment.label
    return Volume(labels, grid)


def _on(grid: Grid, volume: Volume) -> Labels:
    """An aligned volume's labels on ``grid``; 0 beyond it."""
    first = np.rint(volume.grid.to_index(grid.origin_mm_xyz)).astype(int)[::-1]
    out = np.zeros(grid.shape_zyx, dtype=np.uint8)
    source, target = [], []
    for low, size, have in zip(first, grid.shape_zyx, volume.grid.shape_zyx, strict=True):
        start, stop = max(0, low), min(have, low + size)
        source.append(slice(start, max(start, stop)))
        target.append(slice(start - low, max(start, stop) - low))
    out[tuple(target)] = volume.values_zyx[tuple(source)]
    return out


def _covers(grid: Grid, other: Grid) -> bool:
    first = np.rint(grid.to_index(other.origin_mm_xyz)).astype(int)
    return bool((first >= 0).all() and (first + other.size_xyz <= grid.size_xyz).all())


def _within(grid: Grid, window: Grid) -> Mask:
    """Which voxels of ``grid`` have their centres in the window."""
    index = np.moveaxis(np.indices(grid.shape_zyx)[::-1], 0, -1)
    return window.contains(grid.to_world(index))


def _clearly(automatic: Labels, fixed: Labels) -> Mask:
    """Where two label maps differ by more than another way of resampling would make them.

    A difference counts where it lies ``FROM_EDGE`` voxels or more from the automatic outline, and
    what differs within two voxels of such a place.
    """
    differs = automatic != fixed
    clear = np.zeros_like(differs)
    for label in (Label.BACKGROUND, Label.CONDYLE, Label.TEMPORAL_BONE):
        deep = ndimage.distance_transform_edt(automatic == label) > 1.0 + FROM_EDGE
        clear |= differs & deep
    near = ndimage.binary_dilation(clear, iterations=2) if clear.any() else clear
    return np.asarray(differs & near)
