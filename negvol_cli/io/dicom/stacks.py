"""The images of one series UID, divided into stacks of parallel slices.

A series may contain a localiser beside its slices, two reconstructions, or a second pass over the
same places.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Points
from negvol_cli.io.dicom.headers import Common, Frame

LEAST_SLICES: Final = 3
"""Fewer images make no volume."""

_PARALLEL: Final = 1e-3  # orientations are written rounded
_MOST_KINDS: Final = 64  # each is compared with every image; a study has a few
_MOST_SWEEPS: Final = 4  # with more turns, the numbers were not given along the scan
_WOVEN: Final = 0.5  # of the shorter one's length; slabs of one scan overlap by a slice or two


def stacks_of(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Stacks of alike images, the largest first; what is left of images alone comes last."""
    alike, single = _alike_ones(frames)
    placed = [one for stack in alike for one in _frames_of_reference(stack)]
    parted = [part for stack in placed for part in _parts(stack)]
    parted.sort(key=lambda stack: (-len(stack), stack[0].position_mm or (), stack[0].passes))
    stacked = [stack for stack in parted if len(stack) >= LEAST_SLICES]
    single += [frame for stack in parted if len(stack) < LEAST_SLICES for frame in stack]
    return stacked or [single]


def left_aside(frames: Sequence[Frame], stacks: Sequence[Sequence[Frame]]) -> int:
    """How many images of one series UID are in no stack, though they lie as a stack's slices do."""
    taken = {id(frame) for stack in stacks for frame in stack}
    axes = {stack[0].common.axes for stack in stacks}
    return sum(
        id(frame) not in taken
        and "LOCALIZER" not in frame.common.image_type
        and any(_close(frame.common.axes, one) for one in axes)
        for frame in frames
    )


def _alike_ones(frames: Sequence[Frame]) -> tuple[list[list[Frame]], list[Frame]]:
    """Groups of images that can be slices of one volume, and images of ever more other kinds."""
    groups: list[list[Frame]] = []
    others: list[Frame] = []
    by_common: dict[Common, list[Frame]] = {}
    for frame in frames:
        known = by_common.get(frame.common)
        if known is None:
            known = next((s for s in groups if _alike(s[0].common, frame.common)), None)
            if known is None and len(groups) < _MOST_KINDS:
                groups.append(known := [])
            by_common[frame.common] = known = others if known is None else known
        known.append(frame)
    return groups, others


def normal_of(common: Common) -> Points:
    """The normal (3,) of images, along which slices are ordered; LPS."""
    if common.axes is None:
        raise ValueError("images without an orientation have no normal")
    return np.asarray(np.cross(common.axes[:3], common.axes[3:]))


def _alike(a: Common, b: Common) -> bool:
    """Whether images with these headers can be slices of one volume.

    What a doubtful header says of its place is not held against it: it stays with its series, which
    cannot be measured then.
    """
    if a.size_xy != b.size_xy or a.monochrome != b.monochrome:
        return False
    if a.doubt or b.doubt:
        return True
    return (
        ("LOCALIZER" in a.image_type) == ("LOCALIZER" in b.image_type)
        and _close(a.axes, b.axes)
        and _close(a.spacing_mm_xy, b.spacing_mm_xy)
    )


def _close(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.allclose(a, b, atol=_PARALLEL))


def _frames_of_reference(stack: list[Frame]) -> list[list[Frame]]:
    """The stack parted by its frames of reference, unless each image has one of its own.

    Programs that make DICOM anonymous may give each file a UID of its own, which says nothing then.
    """
    parts = list(_grouped(stack, lambda frame: frame.common.frame_of_reference))
    return parts if any(len(part) >= LEAST_SLICES for part in parts) else [stack]


def _parts(stack: list[Frame]) -> list[list[Frame]]:
    """The stack, or the passes, acquisitions or reconstructions that are woven into it."""
    repeats = _repeats(stack)
    for which in range(len(stack[0].passes)):
        parts = list(_grouped(stack, lambda frame, i=which: frame.passes[i]))  # type: ignore[misc]
        if len(parts) < 2:
            continue
        if not any(_repeats(part) for part in parts) if repeats else _woven(parts):
            return [one for part in parts for one in _parts(part)]
    sweeps = [] if repeats else _sweeps(stack)
    return sweeps if len(sweeps) > 1 and _woven(sweeps) else [stack]


def _sweeps(stack: Sequence[Frame]) -> list[list[Frame]]:
    """The stack parted where its places turn back in the order of the images' numbers.

    Two scans one after the other make two sweeps; where there are many, the numbers say nothing.
    """
    if stack[0].common.axes is None or any(f.number is None or not f.position_mm for f in stack):
        return []
    normal = normal_of(stack[0].common)
    numbered = sorted(stack, key=lambda frame: frame.number or 0)
    along = np.array([np.dot(frame.position_mm or (), normal) for frame in numbered])
    steps = np.sign(np.diff(along))
    back = np.flatnonzero(steps != (1 if (steps > 0).sum() * 2 >= len(steps) else -1)) + 1
    if not 0 < len(back) < _MOST_SWEEPS:
        return []
    return [list(part) for part in np.split(np.array(numbered, dtype=object), back)]


def _woven(parts: Sequence[Sequence[Frame]]) -> bool:
    """Whether two of the parts cover the same places with slices between each other's.

    Parts that follow each other, as those of a scan in several steps, are one volume.
    """
    if parts[0][0].common.axes is None:
        return False
    normal = normal_of(parts[0][0].common)
    ranges = []
    for part in parts:
        along = [np.dot(f.position_mm, normal) for f in part if f.position_mm is not None]
        if len(along) >= LEAST_SLICES:
            ranges.append((min(along), max(along)))
    for i, (low, high) in enumerate(ranges):
        for other_low, other_high in ranges[:i]:
            shared = min(high, other_high) - max(low, other_low)
            if shared > _WOVEN * min(high - low, other_high - other_low):
                return True
    return False


def _repeats(stack: Sequence[Frame]) -> bool:
    """Whether different images, by their UIDs, lie at one place."""
    images = {(frame.instance, frame.index): frame.position_mm for frame in stack}
    places = {tuple(round(p, 2) for p in place) for place in images.values() if place is not None}
    return len(places) < len(images)


def _grouped(frames: Sequence[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())
