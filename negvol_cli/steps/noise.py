"""The noise of a scan, read off its even soft tissue."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Volume

PATCH: Final = 5
"""Voxels along the side of a square: 25 give its noise to 15 %, and there are hundreds of them."""
APART_MM: Final = 1.8
"""Between the voxels of a patch: past the grain of a kernel of 0.7 mm."""
PITCH_MM: Final = 4.0
EVEN_HU: Final = 150.0
FEWEST: Final = 40
"""How far apart squares lie, how far from soft tissue their middles and means may be, and how many
it takes. Halved or doubled, they change the noise by 1 to 4 % (median of six real
scans, docs/accuracy.md)."""


def read_noise(volume: Volume, tissue_hu: float) -> float:
    """The standard deviation of a voxel in even soft tissue, HU; 0 where there is none.

    Of five by five voxels of a slice, so far apart that each has its own noise, less their slope;
    of all such squares the commonest.
    """
    spacing = volume.grid.spacing_mm_xyz
    apart = [max(1, round(APART_MM / s)) for s in spacing[1::-1]]
    pitch = [max(1, round(PITCH_MM / s)) for s in spacing[::-1]]
    z, y, x = (
        np.arange(0, n - reach, step)
        for n, reach, step in zip(
            volume.values_zyx.shape, (0, 4 * apart[0], 4 * apart[1]), pitch, strict=True
        )
    )
    middle = volume.values_zyx[np.ix_(z, y + 2 * apart[0], x + 2 * apart[1])]
    # of tissue, by its middle
    k, j, i = np.nonzero(np.abs(middle - tissue_hu) < EVEN_HU)
    if len(k) < FEWEST:
        return 0.0
    side = np.arange(PATCH)
    rows = y[j][:, None, None] + apart[0] * side[:, None]
    columns = x[i][:, None, None] + apart[1] * side
    patches = volume.values_zyx[z[k][:, None, None], rows, columns].reshape(len(k), -1)
    off = side - side.mean()
    plane = np.stack([np.ones(PATCH**2), np.repeat(off, PATCH), np.tile(off, PATCH)])
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    left = patches - (patches @ plane.T) @ plane
    spread = np.sqrt((left**2).sum(axis=1) / (PATCH**2 - 3))
    even = np.abs(patches.mean(axis=1) - tissue_hu) < EVEN_HU
    return commonest(spread[even]) if even.sum() >= FEWEST else 0.0


def commonest(values: npt.NDArray[Any], share: float = 0.3) -> float:
    """The median of the closest ``share`` of some values: the mode, as far as it can be told."""
    ordered = np.sort(values)
    count = max(2, int(len(ordered) * share))
    start = int(np.argmin(ordered[count - 1 :] - ordered[: len(ordered) - count + 1]))
    return float(np.median(ordered[start : start + count]))
