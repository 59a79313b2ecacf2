"""How much noise neighbouring slices of a scan share, which says how thick they are.

The noise of raw data is independent; a scanner weights the data about each slice by the slice's
profile, and so noise of slices d apart correlates as the profile does with itself moved by d.
Slices that touch share none, bells whose full width at half maximum is their distance share a
quarter, 4 mm slabs every 2 mm share half. Edges are not needed for that: only even tissue.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Volume
from negvol_cli.steps.noise import commonest

Floats = npt.NDArray[np.float64]

BESIDE_MM: Final = 1.0
"""Noise is what a voxel has beyond the mean of four in its slice, so far from it."""
PATCH_MM: Final = 4.0
FEWEST_ALONG: Final = 4  # voxels along the side of a patch
EVEN_HU: Final = 100.0
EVENEST: Final = 1.2
"""Patches with more than so many times the commonest spread hold anatomy. Of even noise nearly all
have less; with 1.0 a correlation of 0.4 reads 0.06 too low."""
MOST_PATCHES: Final = 3000
FEWEST_PATCHES: Final = 60
"""Each tells as much as ten or so independent voxels: 60 give the correlation to 0.04."""
LEAST_NOISE_HU: Final = 1.0
"""Less is the rounding to whole HU."""
MOST_SHARED: Final = 0.8
MOST_STRUCTURE: Final = 0.4
"""With more, it is anatomy that slices share, or a filter's doing: 0.8 are slabs five times as
thick as they are apart. Of what is left the real heads share 0.03 to 0.2 with the slice after next
that noise does not explain."""
LAGS: Final = 2


def shared_noise(
    volume: Volume, axis: int, tissue_hu: float, rng: np.random.Generator
) -> float | None:
    """The correlation of the noise of slices next to each other along ``axis`` (0 is x), 0 to 1.

    Read off the evenest places about ``tissue_hu``; None where there are too few of them, or no
    noise in them. ``rng`` chooses places where there are more than enough.
    """
    found = correlations(volume, axis, tissue_hu, rng, LAGS)
    return None if found is None else _without_structure(*found.tolist())


def correlations(
    volume: Volume, axis: int, tissue_hu: float, rng: np.random.Generator, lags: int
) -> Floats | None:
    """(L,): how slices 1, 2, ... ``lags`` apart along ``axis`` correlate in even tissue.

    As ``shared_noise``, but with what anatomy they share.
    """
    patches = _patches(volume, axis, tissue_hu, rng, lags + 1)
    if len(patches) < FEWEST_PATCHES:
        return None
    energy = np.square(patches).mean(axis=(2, 3)).max(axis=1)
    left = patches[np.sqrt(energy) <= EVENEST * commonest(np.sqrt(energy))]
    square = float(np.square(left).mean())
    if square < LEAST_NOISE_HU**2:
        return None
    products = [(left[:, :-lag] * left[:, lag:]).mean() for lag in range(1, lags + 1)]
    return np.array(products) / square


def width_of(shared: float) -> float:
    """The standard deviation, in distances of slices, of bells that share so much of their noise.

    A bell as wide as s correlates with itself moved by 1 as exp(-1 / 4s²).
    """
    return 0.5 / float(np.sqrt(-np.log(shared)))


def _without_structure(next_one: float, next_but_one: float) -> float | None:
    """The correlation of noise alone; None where much of what is left is anatomy.

    Anatomy is much the same in three slices; noise that correlates by g with the next slice's does
    so with that of the one after by g⁴ under bells, and by 2g - 1, if that is more, under slabs.
    """
    if next_one > MOST_SHARED:
        return None
    noise = max(next_one**4, 2.0 * next_one - 1.0)
    structure = max((next_but_one - noise) / (1.0 - noise), 0.0)
    if structure > MOST_STRUCTURE:
        return None
    return max((next_one - structure) / (1.0 - structure), 0.0)


def _patches(
    volume: Volume, axis: int, tissue_hu: float, rng: np.random.Generator, slices: int
) -> Floats:
    """(V, S, Y, X): what voxels of ``slices`` in a row have beyond the mean of their neighbours.

    Of patches of soft tissue, by their middles and means.
    """
    values: npt.NDArray[Any] = np.moveaxis(volume.values_zyx, 2 - axis, 0)
    spacing = np.delete(np.array(volume.grid.spacing_mm_xyz[::-1]), 2 - axis)
    beside = np.maximum(1, np.rint(BESIDE_MM / spacing).astype(int))
    side = np.maximum(FEWEST_ALONG, np.rint(PATCH_MM / spacing).astype(int))
    whole = side + 2 * beside
    last = np.array(values.shape) - [slices, *whole]
    if last.min() < 0:
        return np.empty((0, slices, *side))
    z = np.arange(0, last[0] + 1)
    y, x = (np.arange(0, last[k + 1] + 1, side[k]) for k in range(2))
    middle = values[np.ix_(z + slices // 2, y + whole[0] // 2, x + whole[1] // 2)]
    places = np.argwhere(np.abs(middle - tissue_hu) < EVEN_HU)
    if len(places) > MOST_PATCHES:
        places = places[rng.choice(len(places), MOST_PATCHES, replace=False)]
    k, j, i = (at[places[:, n]][:, None, None, None] for n, at in enumerate((z, y, x)))
    seen = values[
        k + np.arange(slices)[:, None, None],
        j + np.arange(whole[0])[:, None],
        i + np.arange(whole[1]),
    ].astype(np.float64)
    (b, c), (rows, columns) = beside, seen.shape[2:]
    inner = seen[:, :, b : rows - b, c : columns - c]
    around = seen[:, :, : -2 * b, c:-c] + seen[:, :, 2 * b :, c:-c]
    around = around + seen[:, :, b:-b, : -2 * c] + seen[:, :, b:-b, 2 * c :]
    near = np.abs(inner.mean(axis=(1, 2, 3)) - tissue_hu) < EVEN_HU
    return np.asarray(inner[near] - 0.25 * around[near])
