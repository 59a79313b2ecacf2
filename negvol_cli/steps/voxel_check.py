"""The negative volume by counting voxels: a check that shares no code with the inflation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Grid, box_about
from negvol_cli.steps.landmarks import Clip
from negvol_cli.structures import Label

Mask = npt.NDArray[np.bool_]

LOOKS_PER_VOXEL: Final = 2.0
"""Half a voxel: a sheet of one voxel cannot be stepped over."""


@dataclass(frozen=True, slots=True, eq=False)
class VoxelCount:
    """NV in mm³ by voxels, and ``Label`` values [z, y, x] over the frame."""

    nv_mm3: float
    labels_zyx: npt.NDArray[np.uint8]


def count_voxels(
    condyle_p: npt.NDArray[np.float32],
    bone_p: npt.NDArray[np.float32],
    grid: Grid,
    clip: Clip,
) -> VoxelCount:
    """Count the voxels of the clip that a straight line from the nearest MC voxel reaches.

    Probabilities are [z, y, x] on ``grid`` (isotropic, along the axes). A voxel belongs to the bone
    that has at least 0.5 there, to MC if both have; MC may not be empty. The line samples the
    probability of TB twice per voxel, linearly interpolated: the steps of a binary mask would shade
    what lies behind them.
    """
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    labels[bone_p >= 0.5] = Label.TEMPORAL_BONE
    condyle = condyle_p >= 0.5
    labels[condyle] = Label.CONDYLE
    voxels = _clip_voxels(grid, clip)
    free = voxels.inside_zyx[voxels.of_window] & (labels[voxels.on_grid] == Label.BACKGROUND)
    end = np.argwhere(free).T + _lows(voxels.on_grid)
    reached = _reached(_nearest(condyle, end, voxels.on_grid), end, bone_p)
    labels[tuple(end[:, reached])] = Label.NEGATIVE_VOLUME
    return VoxelCount(float(reached.sum()) * grid.voxel_mm3, labels)


def _reached(
    start: npt.NDArray[np.intp], end: npt.NDArray[np.intp], bone_p: npt.NDArray[np.float32]
) -> Mask:
    """(N,): whether straight lines between voxels (3, N) meet no bone."""
    first, way = start.astype(np.float32), (end - start).astype(np.float32)
    steps = np.ceil(LOOKS_PER_VOXEL * np.sqrt((way**2).sum(axis=0)))
    reached = np.ones(way.shape[1], dtype=np.bool_)
    beside = _beside(bone_p >= 0.5)
    on = np.arange(len(reached))
    for i in range(1, int(steps.max(initial=0.0))):
        on = on[np.take(steps, on) > i]
        share = (i / np.take(steps, on)).astype(np.float32)
        here = np.take(first, on, axis=1) + share * np.take(way, on, axis=1)
        cell = np.ravel_multi_index(tuple(here.astype(np.intp)), beside.shape)
        near = np.flatnonzero(np.take(beside, cell))
        there = np.take(here, near, axis=1)
        met = near[ndimage.map_coordinates(bone_p, there, order=1, mode="nearest") >= 0.5]
        reached[on[met]] = False
        on = np.delete(on, met)
    return reached


def _beside(bone: Mask) -> Mask:
    """Whether a voxel or one of the seven beyond it is bone: those that lie around a cell.

    Within any other cell no interpolated probability reaches 0.5, and nobody need look.
    """
    for axis in range(bone.ndim):
        ahead = np.roll(bone, -1, axis=axis)
        ahead[(slice(None),) * axis + (-1,)] = False
        bone = bone | ahead
    return bone


def _nearest(
    condyle: Mask, voxels: npt.NDArray[np.intp], about: tuple[slice, ...]
) -> npt.NDArray[np.intp]:
    """(3, N): the voxel of MC nearest to each of ``voxels`` (3, N), which lie in a part ``about``.

    The transform is that of the box about this part and MC: a third of the frame.
    """
    whole = box_about(condyle)
    box = tuple(
        slice(min(one.start, other.start), max(one.stop, other.stop))
        for one, other in zip(whole, about, strict=True)
    )
    low = _lows(box)
    found = ndimage.distance_transform_edt(
        ~condyle[box], return_distances=False, return_indices=True
    )
    return np.asarray(found[:, *(voxels - low)] + low, dtype=np.intp)


def _lows(part: tuple[slice, ...]) -> npt.NDArray[np.intp]:
    """(3, 1): where a part begins."""
    return np.array([[s.start] for s in part])


def unseen_fraction(recorded_zyx: npt.NDArray[np.bool_] | None, grid: Grid, clip: Clip) -> float:
    """Return the share of the clip, 0 to 1, that is not recorded or lies off the grid.

    ``recorded_zyx`` None means that the grid was recorded throughout.
    """
    voxels = _clip_voxels(grid, clip)
    seen = np.zeros_like(voxels.inside_zyx)
    seen[voxels.of_window] = True if recorded_zyx is None else recorded_zyx[voxels.on_grid]
    return float(1.0 - (seen & voxels.inside_zyx).sum() / voxels.inside_zyx.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _ClipVoxels:
    """A window of voxels around the clip, which may reach beyond the grid."""

    inside_zyx: npt.NDArray[np.bool_]
    of_window: tuple[slice, ...]
    on_grid: tuple[slice, ...]


def _clip_voxels(grid: Grid, clip: Clip) -> _ClipVoxels:
    half = np.full(3, clip.half_width_mm)
    low = np.floor(grid.to_index(clip.centre_mm - half)).astype(int)
    high = np.ceil(grid.to_index(clip.centre_mm + half)).astype(int) + 1
    nx, ny, nz = (int(n) for n in high - low)
    x, y, z = (float(v) for v in grid.to_world(low))
    window = Grid((nx, ny, nz), grid.spacing_mm_xyz, (x, y, z))
    inside = clip.depth_on(window) >= 0
    first, last = np.clip(low, 0, grid.size_xyz), np.clip(high, 0, grid.size_xyz)
    bounds = list(zip(first[::-1], last[::-1], low[::-1], strict=True))
    return _ClipVoxels(
        inside,
        tuple(slice(a - o, b - o) for a, b, o in bounds),
        tuple(slice(a, b) for a, b, _ in bounds),
    )
