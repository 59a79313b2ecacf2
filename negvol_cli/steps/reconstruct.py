"""What of the probabilities becomes a surface: the joint's own pieces, filled, without specks."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

SPECK_MM3: Final = 20.0


def without_specks(
    probability_zyx: npt.NDArray[np.float32], voxel_mm3: float
) -> npt.NDArray[np.float32]:
    """The probability with every component (at 0.5) under 20 mm³ set to 0."""
    labels, count = ndimage.label(probability_zyx >= 0.5)
    if count == 0:
        return probability_zyx
    small = np.bincount(labels.ravel()) * voxel_mm3 < SPECK_MM3
    small[0] = False
    return np.where(small[labels], np.float32(0.0), probability_zyx)


def only_component(
    probability_zyx: npt.NDArray[np.float32], seed_zyx: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """The probability with every component (at 0.5) but that of ``seed_zyx`` set to 0."""
    labels, count = ndimage.label(probability_zyx >= 0.5)
    if count <= 1:
        return probability_zyx
    other = np.ones(count + 1, dtype=np.bool_)
    other[[0, labels[seed_zyx]]] = False
    return np.where(other[labels], np.float32(0.0), probability_zyx)


def without_hollows(probability_zyx: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The probability with every hollow (at 0.5) that nothing connects to the border set to 1.

    A condyle's marrow is part of it, and no place that could be inflated into. Enclosed counts in
    an axial slice too: there the mandible's cortex is a ring about its marrow and about nothing
    else, even if the network left a gap in it elsewhere.
    """
    enclosed = np.stack([ndimage.binary_fill_holes(part) for part in probability_zyx >= 0.5])
    probability_zyx = np.where(enclosed & (probability_zyx < 0.5), np.float32(1.0), probability_zyx)
    labels, count = ndimage.label(probability_zyx < 0.5)
    open_ = np.zeros(count + 1, dtype=np.bool_)
    for axis in range(3):
        for end in (0, -1):
            open_[np.unique(labels.take(end, axis))] = True
    open_[0] = True
    return np.where(open_[labels], probability_zyx, np.float32(1.0))
