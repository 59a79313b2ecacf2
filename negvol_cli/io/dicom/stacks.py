"""The images of one series UID, parted into stacks of parallel slices.

A series may hold a localiser beside its slices, two reconstructions, or a second pass over the
same places.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Points
from negvol_cli.io.dicom.headers import Common, Frame

LEAST_SLICES: Final = 3

_PARALLEL: Final = 1e-3  # orientations are written rounded
_MOST_STACKS: Final = 64


def stacks_of(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Stacks of alike images, the largest first; what is left of images alone comes last."""
    stacks: list[list[Frame]] = []
    by_common: dict[Common, list[Frame]] = {}
    for frame in frames:
        known = by_common.get(frame.common)
        if known is None:
            known = next((s for s in stacks if _alike(s[0].common, frame.common)), None)
            if known is None:
                known = []
                if len(stacks) < _MOST_STACKS:
                    stacks.append(known)
                else:
                    known = stacks[-1]
            by_common[frame.common] = known
        known.append(frame)
    parted = [part for stack in stacks for part in _passes_of(stack)]
    parted.sort(key=lambda stack: (-len(stack), stack[0].position_mm or (), stack[0].passes))
    stacked = [stack for stack in parted if len(stack) >= LEAST_SLICES]
    single = [frame for stack in parted if len(stack) < LEAST_SLICES for frame in stack]
    return stacked or [single]


def normal_of(common: Common) -> Points:
    """The normal (3,) of images, along which slices are ordered; LPS."""
    if common.axes is None:
        raise ValueError("images without an orientation have no normal")
    return np.asarray(np.cross(common.axes[:3], common.axes[3:]))


def _alike(a: Common, b: Common) -> bool:
    """Whether images with these headers can be slices of one volume."""
    return (
        a.size_xy == b.size_xy
        and a.monochrome == b.monochrome
        and a.frame_of_reference == b.frame_of_reference
        and ("LOCALIZER" in a.image_type) == ("LOCALIZER" in b.image_type)
        and _close(a.axes, b.axes)
        and _close(a.spacing_mm_xy, b.spacing_mm_xy)
    )


def _close(a: tuple[float, ...] | None, b: tuple[float, ...] | None) -> bool:
    if a is None or b is None:
        return a is b
    return bool(np.allclose(a, b, atol=_PARALLEL))


def _passes_of(stack: list[Frame]) -> list[list[Frame]]:
    """The stack, or where it has several images at one place, its passes if they explain that."""
    if not _repeats(stack):
        return [stack]
    for which in range(len(stack[0].passes)):
        parts = list(_grouped(stack, lambda frame, i=which: frame.passes[i]))  # type: ignore[misc]
        if len(parts) > 1 and not any(_repeats(part) for part in parts):
            return parts
    return [stack]


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
