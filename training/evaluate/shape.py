"""Agreement in shape alone: where a reference's edge was drawn does not count."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter

SHAPE_REACH_MM: Final = 18.0
"""From the condyle's centre: where the joint's surfaces lie."""

OFFSETS_MM: Final = np.arange(-1.0, 1.0001, 0.05)
"""By which an edge may lie elsewhere: a voxel of a clinical head CT either way."""

STEPS_VOXELS: Final = 1.0
"""Distances in a lattice come in steps, which alone cost a ball of 14 mm up to 0.03 of Dice where
its edge is moved by half a voxel; smoothed by so much, 0.007 (``tests/training/evaluate``)."""

Mask = npt.NDArray[np.bool_]


def shape_dice(prediction: Mask, reference: Mask, near: Mask, spacing_mm: float) -> float:
    """The best Dice within ``near`` of a prediction and the reference moved out or in all around.

    Masks are (z, y, x). A reference that ends nowhere in the masks is compared as it is.
    """
    if reference.all() or not reference.any():
        return _dice(prediction[near], reference[near])
    outside = distance_transform_edt(~reference, spacing_mm)
    inside = distance_transform_edt(reference, spacing_mm)
    depth = gaussian_filter(outside - inside, STEPS_VOXELS)[near]
    return max(_dice(prediction[near], depth <= offset) for offset in OFFSETS_MM)


def _dice(one: Mask, other: Mask) -> float:
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else float("nan")
