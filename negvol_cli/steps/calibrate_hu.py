"""HU calibration: intensities of a cone-beam CT converted to HU by its own air and soft tissue.

The intensities of a dental machine are linear in HU but have a gain and an offset of their own
(Mah, Reeves and McDavid, Dentomaxillofac Radiol 39:323, 2010). In a head the two commonest
materials, air and soft tissue, reveal both. A CT in HU is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.blocks import block_means
from negvol_cli.geometry.grid import Volume
from negvol_cli.steps.field_of_view import FieldWall, outside_field
from negvol_cli.steps.peaks import peaks
from negvol_cli.steps.scanner import Scanner, WholeScanner
from negvol_cli.structures import AIR_HU

TISSUE_HU: Final = 30.0
TRUE_TISSUE_HU: Final = (-15.0, 80.0)
"""Muscle and brain, the commonest tissue, lie at 5 to 65 HU in 108 real head CT from many scanners
(median 35), as ``read_intensities`` finds them."""
FAT_HU: Final = -95.0
ABOVE_FAT_HU: Final = (90.0, 180.0)
"""Fat lies at about -95 HU, and muscle so far above it."""
LEAST_LEAN: Final = 0.3
LEAST_RISE: Final = 0.02
"""Of fat's peak: how high muscle's must be, and how far it must rise from the valley between. Fat
was the commonest tissue in one of 108 real scans."""
TRUE_GAIN: Final = (0.85, 1.2)
"""The same 108 scans have gains of 0.97 to 1.06, with air at -1015 to -915."""
LIKELY_GAIN: Final = (0.5, 2.5)
"""Cone-beam machines give 0.6 to 1.3 units a HU (``training.augment.cone_beam_machine``), so that
their gains are 0.8 to 1.7; with another, air was not what was found."""
APART_HU: Final = 350.0
"""Between air and soft tissue: nearer peaks would be a gain of 3. Half or twice as much finds the
same peaks in real scans."""
DARK_HU: Final = -700.0
"""What pads a scan and is lighter is no air, and becomes it."""
LIGHTEST_AIR_HU: Final = -250.0
"""Cone-beam machines have offsets of -400 to 300 and those gains: air lies below -300 then."""
WALL_MM: Final = 4.0
"""No edge so near to the wall of the field of view is the scanner's: its profile (3 mm to either
side and 0.6 mm aside, ``air_edges``) reaches beyond the wall."""

_RANGE: Final = (-1900.0, 2000.0)  # padding lies below
_BIN: Final = 10.0
_SMOOTH_BINS: Final = 4.0
"""With bins or smoothing half or twice as wide, levels move by 5 HU or so (docs/accuracy.md), which
is a two-hundredth of the step from air to soft tissue."""
_LEAST_PROMINENCE: Final = 0.02
_BLOCK_MM: Final = 1.6
_SLABS: Final = 40
"""Halved or doubled, these three leave the levels of real scans as they are, to a bin
(docs/accuracy.md)."""


@dataclass(frozen=True, slots=True)
class Intensities:
    """Where air and soft tissue lie in an image; ``air`` None where it cannot be told."""

    air: float | None
    tissue: float

    @property
    def gain(self) -> float:
        """HU per unit of intensity; 1 where air cannot be told or would not be likely."""
        if self.air is None:
            return 1.0
        gain = (TISSUE_HU - AIR_HU) / (self.tissue - self.air)
        return gain if LIKELY_GAIN[0] <= gain <= LIKELY_GAIN[1] else 1.0

    @property
    def are_hu(self) -> bool:
        """Whether they are those of a CT in HU, as nearly as scatter and filters let them be."""
        low, high = TRUE_TISSUE_HU
        return low <= self.tissue <= high and TRUE_GAIN[0] <= self.gain <= TRUE_GAIN[1]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A CT in HU, flags that say whether it was before, and how its scanner saw."""

    volume: Volume
    flags: tuple[str, ...]
    scanner: WholeScanner


def in_hu(volume: Volume) -> Calibrated:
    """``volume`` with soft tissue at 30 HU and air at -1000, and a flag that says so.

    What lies outside a cylindrical field of view becomes air, unless it is as dark already. A
    volume whose intensities are HU keeps them, with no flag.
    """
    outside = outside_field(volume)
    intensities = read_intensities(volume, outside)
    in_units, flags = _rescaled(volume, outside, intensities)
    if in_units is not volume:
        intensities = read_intensities(in_units, outside)
    return Calibrated(in_units, flags, _scanner(in_units, intensities, outside))


def _rescaled(
    volume: Volume, outside: npt.NDArray[np.bool_] | None, intensities: Intensities | None
) -> tuple[Volume, tuple[str, ...]]:
    """The volume in HU by the ``intensities`` that it shows, and the flags."""
    padded = outside is not None and float(volume.values_zyx[0][outside].max()) > DARK_HU
    if intensities is None or intensities.are_hu:
        return (_mapped(volume, 1.0, 0.0, outside) if padded else volume), ()
    air = "unknown" if intensities.air is None else f"{intensities.air:.0f}"
    tissue = f"{intensities.tissue:.0f}"
    flag = f"intensities were not HU (air {air}, soft tissue {tissue}) and were rescaled"
    offset = TISSUE_HU - intensities.tissue * intensities.gain
    return _mapped(volume, intensities.gain, offset, outside), (flag,)


def _mapped(
    volume: Volume, gain: float, offset: float, outside: npt.NDArray[np.bool_] | None
) -> Volume:
    """Return the intensities times ``gain`` plus ``offset``, int16, with air ``outside``."""
    limits = np.iinfo(np.int16)
    values = np.empty(volume.values_zyx.shape, dtype=np.int16)
    for z, image in enumerate(volume.values_zyx):
        hu = np.rint(image.astype(np.float32) * np.float32(gain) + np.float32(offset))
        values[z] = np.clip(hu, limits.min, limits.max)
    if outside is not None:
        values[:, outside] = int(AIR_HU)
    return Volume(values, volume.grid)


def read_intensities(
    volume: Volume, outside: npt.NDArray[np.bool_] | None = None
) -> Intensities | None:
    """Find the peaks of air and soft tissue in the histogram of a head; None if there is no peak.

    ``outside`` (y, x) are columns that were not recorded. Blocks of some 1.6 mm are averaged, so
    that noise does not hide the peaks.
    """
    counts, edges = np.histogram(
        _block_means(volume, outside), bins=np.arange(_RANGE[0], _RANGE[1] + _BIN, _BIN)
    )
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), _SMOOTH_BINS)
    found = peaks(smooth, prominence=_LEAST_PROMINENCE * smooth.max())
    if not found:
        return None
    intensities = edges[:-1] + _BIN / 2
    lowest = found[0]
    above = lowest + round(APART_HU / _BIN)
    tissue = above + int(np.argmax(smooth[above:])) if above < len(smooth) else above
    rare = counts[above:].sum() < _LEAST_PROMINENCE * counts.sum()
    if tissue == above or rare or intensities[lowest] > LIGHTEST_AIR_HU:
        return Intensities(
            None, float(intensities[lowest])
        )  # no second peak: there is hardly any air
    air = int(np.argmax(smooth[: tissue - round(APART_HU / _BIN) + 1]))
    tissue = _not_fat(smooth, air, tissue)
    return Intensities(float(intensities[air]), float(intensities[tissue]))


def _not_fat(counts: npt.NDArray[Any], air: int, tissue: int) -> int:
    """The bin of muscle and brain, where that of the commonest tissue may be fat's.

    Fat is commoner in some necks; muscle then has a peak of its own a little above.
    """
    gain = (tissue - air) / (FAT_HU - AIR_HU)  # bins a HU, if it were fat
    low, high = (tissue + gain * step for step in ABOVE_FAT_HU)
    least = LEAST_LEAN * counts[tissue]
    found = peaks(counts, prominence=LEAST_RISE * counts[tissue], height=least)
    lean = [p for p in found if low <= p <= high]
    return max(lean, key=lambda p: counts[p]) if lean else tissue


def _block_means(volume: Volume, outside: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Means of blocks in slabs spread over the volume, without blocks that touch ``outside``."""
    fx, fy, fz = (max(1, round(_BLOCK_MM / s)) for s in volume.grid.spacing_mm_xyz)
    nz, ny, nx = (n // f for n, f in zip(volume.values_zyx.shape, (fz, fy, fx), strict=True))
    whole = np.ones((ny, nx), dtype=bool)
    if outside is not None:
        blocks = outside[: ny * fy, : nx * fx].reshape(ny, fy, nx, fx)
        whole = np.logical_not(blocks.any(axis=(1, 3)))
    means = []
    for z in range(0, nz, max(1, nz // _SLABS)):
        slab = volume.values_zyx[z * fz : (z + 1) * fz, : ny * fy, : nx * fx]
        means.append(block_means(slab, (fy, fx))[whole])
    return np.concatenate(means)


def scanner_of(volume: Volume) -> Scanner:
    """How the scanner of a CT saw, read off the whole of it."""
    return whole_scanner_of(volume).scanner


def whole_scanner_of(volume: Volume) -> WholeScanner:
    """The same, read when it is first asked for; ``volume`` need not be in HU."""
    outside = outside_field(volume)
    return _scanner(volume, read_intensities(volume, outside), outside)


def _scanner(
    volume: Volume, intensities: Intensities | None, outside: npt.NDArray[np.bool_] | None
) -> WholeScanner:
    """The scanner of a CT that shows such intensities, but ``outside`` its field of view."""
    found = intensities or Intensities(None, TISSUE_HU)
    air = AIR_HU if found.air is None else found.air
    wall = None if outside is None else FieldWall.about(outside, volume.grid, WALL_MM)
    return WholeScanner(volume, air_hu=air, tissue_hu=found.tissue, wall=wall)
