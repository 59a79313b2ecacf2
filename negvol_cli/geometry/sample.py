"""Values between voxels and along lines, without a blur of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CHUNK: Final = 20_000  # points at a time: 64 voxels each


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines through an image: continuous indices (V, 3) of their points 0 in x, y, z order.

    ``directions`` (V, 3) are unit vectors in mm.
    """

    start_xyz: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]


def cubic(values_zyx: npt.NDArray[Any], index_xyz: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """float32 (N,): values [z, y, x] at continuous indices (N, 3), the border's repeated beyond.

    Cubic convolution with a = -1/2 (Keys, IEEE Trans ASSP 29:1153, 1981). It reproduces
    parabolas, so unlike linear interpolation, which adds a sixth of a voxel squared, it leaves
    the variance of a blurred edge as it is.
    """
    shape = values_zyx.shape
    flat = values_zyx.reshape(-1)
    found = np.empty(len(index_xyz), dtype=np.float32)
    for first in range(0, len(index_xyz), CHUNK):
        index = index_xyz[first : first + CHUNK]
        base = np.floor(index).astype(np.int64)
        weights = _weights((index - base).astype(np.float32))
        near = base[:, :, None] + np.arange(-1, 3)
        x, y, z = (np.clip(near[:, axis], 0, shape[2 - axis] - 1) for axis in range(3))
        rows = z[:, :, None] * shape[1] + y[:, None, :]
        cubes = flat[rows[:, :, :, None] * shape[2] + x[:, None, None, :]].astype(np.float32)
        for axis in range(3):  # x is the last axis of a cube
            weight = weights[:, axis].reshape(-1, *(1,) * (2 - axis), 4)
            cubes = np.einsum("...k,...k->...", cubes, np.broadcast_to(weight, cubes.shape))
        found[first : first + CHUNK] = cubes
    return found


def _weights(share: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N, 3, 4): what the voxels at -1, 0, 1 and 2 count, ``share`` (N, 3) of a voxel past 0."""
    one, two = share, share * share
    three = two * share
    return np.stack(
        [
            -0.5 * three + two - 0.5 * one,
            1.5 * three - 2.5 * two + 1.0,
            -1.5 * three + 2.0 * two + 0.5 * one,
            0.5 * three - 0.5 * two,
        ],
        axis=-1,
    )


def beside_lines(
    values_zyx: npt.NDArray[Any],
    axes_mm: npt.NDArray[np.float64],
    lines: Lines,
    t_mm: npt.NDArray[np.float64],
    beside_mm: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The voxels about lines: how far along each (V, N), mm, and their values (V, N).

    Looked at are the voxels nearest to points at ``t_mm`` on each line and on four lines
    ``beside_mm`` from it (none where that is 0); a voxel that is nearest to several counts as
    often. Nothing is interpolated, so coarse voxels blur no more than they do, and where an edge
    is oblique to them, neighbours see it at different depths. ``axes_mm`` (3, 3) has the voxels'
    steps along x, y, z as columns, in the coordinates of the lines' directions.
    """
    n = lines.directions
    offsets = [np.zeros_like(n)]
    if beside_mm > 0:
        aside = np.cross(n, np.eye(3)[np.argmin(np.abs(n), axis=1)])
        aside /= np.linalg.norm(aside, axis=1, keepdims=True)
        up = np.cross(n, aside)
        offsets += [aside, -aside, up, -up]
    to_index = np.linalg.inv(axes_mm).T
    shape = values_zyx.shape
    depths, found = [], []
    for offset in offsets:
        points = t_mm[:, None] * n[:, None, :] + beside_mm * offset[:, None, :]
        voxel = np.rint(lines.start_xyz[:, None, :] + points @ to_index).astype(np.int64)
        voxel = np.clip(voxel, 0, np.array(shape[::-1]) - 1)
        away = (voxel - lines.start_xyz[:, None, :]) @ axes_mm.T
        depths.append(np.einsum("vni,vi->vn", away, n))
        found.append(values_zyx[voxel[..., 2], voxel[..., 1], voxel[..., 0]])
    return np.concatenate(depths, axis=1), np.concatenate(found, axis=1).astype(np.float64)
