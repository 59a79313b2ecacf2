"""Checks of whether a volume is a CT in Hounsfield units, and whether it is coarse."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.repeated_slices import repeated_slices

COARSE_MM: Final = 2.0
"""Twice the thickness of a thin fossa roof: beyond, the joint space cannot be trusted."""

THICK_MM: Final = 3.0
"""Above this, what is found by searching a folder is left out; named by a person, it is tried, but
has no figures (``steps/limits.py``)."""

_SAMPLE: Final = 1_000_000
"""Enough for shares of a thousandth, at any size of scan."""

_SCALED: Final = 1.5
"""Values scaled for a network lie within [-1, 1], with some room."""

_RESCALE: Final = 1024
"""The intercept of nearly every CT, with its sign changed."""

_AIR_HU: Final = (-1500.0, -300.0)  # cone-beam air reads -1000 to -500; padding lies below
_LEAST_AIR: Final = 0.001
"""Any head CT has air in its sinuses; an MR has none at -1000."""

_BONE_HU: Final = 200.0
"""Trabecular bone begins about here; a head without it shows no skull."""

_LEAST_BONE: Final = 0.0005

_WHOLE_RANGE_HU: Final = 2000.0
"""Thick cortex is no brighter: 12 bits, which end at 3071, cut off nothing but metal."""

_LEAST_RANGE_HU: Final = 700.0
"""Below, all cortex is as bright as its cut, and where it ends cannot be told."""

_LEAST_CUT: Final = 15
_BELOW_CUT_HU: Final = 50.0
"""A cut piles up more voxels at the highest value than lie in the 50 HU below it: in eight real
heads cut at 300 to 1650 HU 1.2 to 33 times as many, and 70 or more of a million lie there. Uncut,
one to four voxels have the highest value."""

_PICTURE: Final = 255
MOST_LABELS: Final = 64
"""Label maps of a head have fewer values, a CT has thousands."""
_LEAST_PILED: Final = 0.05
"""Of all voxels at the lowest value: air about and in a head is 40 to 80 % of a scan."""


def check_ct(volume: Volume, name: str = "the scan") -> tuple[str, ...]:
    """Return warnings about a CT that is usable but poor; empty for a good one.

    Offsets and gains of cone-beam CT, padding below air, blank slices and metal pass.

    Raises
    ------
    InputError
        Values are not finite, constant, those of labels, scaled to about [0, 1], shifted by 1024
        (the rescale was not applied), or without air or bone, as in an MR, or slices are repeated.
        The message calls the scan ``name``.
    """
    low, high = _limits(volume.values_zyx)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"{name} contains values that are not numbers (NaN or infinity): repair it"
        )
    if low == high:
        raise InputError(f"{name} is blank: every voxel is {low:g}")
    sample = _sample(volume.values_zyx)
    if are_labels(sample):
        raise InputError(
            f"{name} contains a few whole numbers from {low:g} to {high:g} and no air, like labels "
            "or a picture of 8 bits: give the CT in Hounsfield units (labels: negvol measure)"
        )
    if max(-low, high) <= _SCALED:
        raise InputError(
            f"{name} contains values from {low:g} to {high:g}, scaled as for a network: "
            "give the CT in Hounsfield units"
        )
    air = np.mean((sample > _AIR_HU[0]) & (sample < _AIR_HU[1]))
    if air < _LEAST_AIR:
        raise InputError(f"{name} {_why_no_air(sample, low, high)}")
    if np.mean(sample >= _BONE_HU) < _LEAST_BONE:
        raise InputError(f"{name} shows no bone (nothing above {_BONE_HU:g} HU): give a head CT")
    return (*_cut(sample, name), *_coarse(volume), *repeated_slices(volume, name))


def _why_no_air(sample: npt.NDArray[np.float32], low: float, high: float) -> str:
    """What is wrong with values from ``low`` to ``high`` without air, and what to do."""
    values = f"contains values from {low:g} to {high:g}"
    if low > _AIR_HU[1] and _looks_shifted(sample):
        return (
            f"{values}, which look like HU + 1024 (the rescale was not applied): subtract 1024 "
            "from every voxel, or export it again"
        )
    if low >= 0 and high <= _PICTURE and _whole(sample):
        return f"{values} and no air, a picture of 8 bits: export the CT in Hounsfield units"
    if low < 0 and np.mean(sample == low) > _LEAST_PILED:
        return (
            f"was cut off at {low:g} HU when it was exported and shows no air, by which a scan is "
            "calibrated: export it again with its whole range"
        )
    return (
        f"{values} and no air (about -1000 HU), so it is not a CT in Hounsfield units: give a CT, "
        "not an MR or a picture"
    )


def _cut(sample: npt.NDArray[np.float32], name: str) -> tuple[str, ...]:
    """A flag where bone was cut off at the highest value. Raises InputError where too much was."""
    top = float(sample.max())
    at, below = np.sum(sample == top), np.sum((sample < top) & (sample >= top - _BELOW_CUT_HU))
    if top >= _WHOLE_RANGE_HU or not _LEAST_CUT <= below <= at:
        return ()
    if top < _LEAST_RANGE_HU:
        raise InputError(
            f"{name} was cut off at {top:g} HU when it was exported, so that where bone ends "
            "cannot be told: export it again with its whole range"
        )
    return (f"bone was cut off at {top:g} HU when the scan was exported: figures are rough",)


def is_coarse(volume: Volume) -> bool:
    """Return whether any voxel edge is over 2 mm (rounded to 0.1 mm)."""
    return _longest_mm(volume) > COARSE_MM


def are_labels(values: npt.NDArray[Any]) -> bool:
    """Return whether the values are a few whole numbers from 0 on, at least one of them not 0."""
    if not (values.min() >= 0 and 0 < values.max() <= np.iinfo(np.uint16).max):
        return False
    found = np.unique(values)
    return found.size <= MOST_LABELS and _whole(found)


def _longest_mm(volume: Volume) -> float:
    return max(round(s, 1) for s in volume.grid.spacing_mm_xyz)


def _coarse(volume: Volume) -> tuple[str, ...]:
    if not is_coarse(volume):
        return ()
    voxel = " x ".join(f"{s:.1f}" for s in volume.grid.spacing_mm_xyz)
    rough = "too coarse to measure" if _longest_mm(volume) > THICK_MM else "figures are rough"
    return (f"voxels of {voxel} mm are coarser than {COARSE_MM:g} mm: {rough}",)


def _limits(values_zyx: npt.NDArray[Any]) -> tuple[float, float]:
    """The lowest and the highest value; slice by slice, since one stays in a core's cache."""
    of_slices = [(slice_.min(), slice_.max()) for slice_ in values_zyx]
    low, high = np.array(of_slices).T
    return float(low.min()), float(high.max())


def _sample(values_zyx: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """About a million values, evenly spread."""
    step = max(1, math.ceil((values_zyx.size / _SAMPLE) ** (1 / 3)))
    return values_zyx[::step, ::step, ::step].astype(np.float32).ravel()


def _whole(values: npt.NDArray[Any]) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


def _looks_shifted(sample: npt.NDArray[np.float32]) -> bool:
    """Whether the values less 1024 are a CT: air, bone, and most of the rest soft tissue."""
    hu = sample - _RESCALE
    rest = hu[hu > -500]
    tissue = np.mean((rest > -200) & (rest < 200)) if rest.size else 0.0
    air, bone = np.mean(hu < -700), np.mean(hu > _BONE_HU)
    return bool(air > 0.01 and bone > 0.001 and tissue > 0.4 and sample.max() > 1500)
