"""Clean-up of probabilities before they become surfaces: own pieces, filled, without specks."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import box_about

Mask = npt.NDArray[np.bool_]

SPECK_MM3: Final = 20.0
"""A cube of 2.7 mm: larger than noise, smaller than any part of a condyle or of the fossa."""

SURROUNDED: Final = 21
"""Of 26 directions. About the condyles of seven real heads no voxel outside sees so much of them
within 18 mm of the joint, nor does one in a pit three times as wide as deep; of the marrow of the
same condyles, hollowed out to 1 mm of cortex with a slit 2 mm wide down one side, 96 to 99 % does.
"""
SURROUNDED_MM: Final = 20.0
"""How far a direction is followed: the width of a condylar head."""


def without_specks(
    probability_zyx: npt.NDArray[np.float32], voxel_mm3: float
) -> npt.NDArray[np.float32]:
    """Set every component (at 0.5) smaller than 20 mm³ to 0."""
    labels, _ = ndimage.label(probability_zyx >= 0.5)
    within = np.flatnonzero(labels)
    component = labels.ravel()[within]
    small = np.bincount(component) * voxel_mm3 < SPECK_MM3
    return _cleared(probability_zyx, within[small[component]])


def only_component(
    probability_zyx: npt.NDArray[np.float32], seed_zyx: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """Set every component (at 0.5) except that of ``seed_zyx`` to 0."""
    labels, count = ndimage.label(probability_zyx >= 0.5)
    if count <= 1:
        return probability_zyx
    return _cleared(probability_zyx, np.flatnonzero((labels > 0) & (labels != labels[seed_zyx])))


def _cleared(
    probability_zyx: npt.NDArray[np.float32], voxels: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """The probability with ``voxels`` (N,), as numbers of its raveled array, set to 0."""
    if not len(voxels):
        return probability_zyx
    kept = probability_zyx.copy()
    kept.ravel()[voxels] = 0.0
    return kept


def without_hollows(
    probability_zyx: npt.NDArray[np.float32], spacing_mm: float
) -> npt.NDArray[np.float32]:
    """The probability of the condyle with its marrow set to 1.

    Marrow is what the cortex surrounds, whether or not the scanner or a network left gaps in it: a
    voxel below 0.5 that meets the condyle in at least 21 of the 26 directions to a voxel's
    neighbours, within 20 mm. In front of the neck, in the mandibular notch or in a pit of the
    surface a voxel sees out in more directions than that, so no concavity is bridged. What nothing
    connects to the border is marrow too, and so is, where the bone is cut off below, what its
    cortex rings in the lowest slice.
    """
    everywhere = probability_zyx >= 0.5
    if not everywhere.any():
        return probability_zyx
    box = box_about(everywhere)
    condyle = everywhere[box]  # a voxel outside its box meets it in 17 directions at most
    capped = condyle.copy()
    capped[0] = ndimage.binary_fill_holes(condyle[0])
    marrow = capped | (_directions_met(capped, spacing_mm) >= SURROUNDED)
    marrow = np.asarray(ndimage.binary_fill_holes(marrow))
    filled = probability_zyx.copy()
    filled[box][marrow & ~condyle] = 1.0
    return filled


def _directions_met(mask: Mask, spacing_mm: float) -> npt.NDArray[np.uint8]:
    """[z, y, x]: in how many of the 26 directions to its neighbours a voxel sees ``mask``."""
    met = np.zeros(mask.shape, dtype=np.uint8)
    for direction in itertools.product((-1, 0, 1), repeat=3):
        if not any(direction):
            continue
        steps = int(SURROUNDED_MM / spacing_mm / np.linalg.norm(direction))
        seen, looked = _shifted(mask, direction, 1), 1
        while looked < steps:  # each round looks up to twice as far
            further = min(looked, steps - looked)
            seen |= _shifted(seen, direction, further)
            looked += further
        met += seen
    return met


def _shifted(mask: Mask, direction: tuple[int, ...], steps: int) -> Mask:
    """``mask`` as seen from ``steps`` voxels before each voxel; False beyond the border."""
    moved = np.zeros_like(mask)
    offsets = [min(steps, n) * d for n, d in zip(mask.shape, direction, strict=True)]
    source = tuple(
        slice(max(0, o), n + min(0, o)) for n, o in zip(mask.shape, offsets, strict=True)
    )
    target = tuple(
        slice(max(0, -o), n - max(0, o)) for n, o in zip(mask.shape, offsets, strict=True)
    )
    moved[target] = mask[source]
    return moved
