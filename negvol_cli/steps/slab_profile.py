"""The profile of slices that are far thicker than they are apart, told by the noise they share.

Noise that is independent in the raw data correlates over slices as their profile does with itself
moved: a box does so by a triangle, which ends where slabs no longer overlap, a bell by a wider
bell. Where several slices lie within the thickness, how the noise falls off over them tells the
width without an edge, and a box from a bell; over two slices both look alike.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from negvol_cli.geometry.grid import Volume
from negvol_cli.steps.shared_noise import correlations

Floats = npt.NDArray[np.float64]

FEWEST_WITHIN: Final = 3
"""Slices to a thickness. Twice as thick as they are apart, slabs of 3 and 4 mm correlate by 0.05 to
0.2 at the second slice, and bells that blur as much by 0.1 to 0.2."""
BEYOND: Final = 1.5
"""Slices are compared over so many thicknesses, so that the end of the triangle is seen, and what
anatomy all of them share. Of slabs of 3 and 4 mm and bells of 3 mm every 0.7 mm, made of the four
real heads whose slices are fine enough, the root mean square of the logarithm of read over true is
0.04 with it, 0.09 with 1, 0.04 with 2 (``benchmarks.slice_blur``)."""
MOST_LAGS: Final = 12
"""More would cost memory: slabs nearer to each other than an eighth of their thickness are compared
over less of it, and told less well."""
LEAST_MM: Final = 0.1
"""A shorter box is none."""
MOST_TIMES: Final = 3.0
"""Of the thickness that edges tell: no box is longer, no bell wider."""


AGREE: Final = 1.3
"""How far noise and edges may differ about the width. Of slabs of 3 to 5 mm and bells of 3 and 4 mm
every 0.7 and 1 mm, made of four real heads, they differed by up to 1.27; where they differ more,
noise was added, or evened out, after the slices were made."""


class Profile(NamedTuple):
    """A box of ``box_mm`` under a Gaussian whose standard deviation is ``bell_mm``."""

    box_mm: float
    bell_mm: float

    @property
    def sd_mm(self) -> float:
        """The standard deviation of both."""
        return float(np.sqrt(self.box_mm**2 / 12.0 + self.bell_mm**2))


def slab_profile(
    volume: Volume,
    axis: int,
    tissue_hu: float,
    rng: np.random.Generator,
    *,
    about_mm: float,
    least_bell_mm: float,
) -> Profile | None:
    """The profile of slices along ``axis`` (0 is x); None where noise does not tell it.

    ``about_mm`` is how thick they are by edges; the Gaussian is no narrower than ``least_bell_mm``.
    For ``tissue_hu`` and ``rng`` see ``shared_noise``. What correlates alike over all slices is
    anatomy; its share is sought as well.
    """
    apart_mm = volume.grid.spacing_mm_xyz[axis]
    if about_mm < FEWEST_WITHIN * apart_mm:
        return None
    lags = min(int(np.ceil(BEYOND * about_mm / apart_mm)), MOST_LAGS)
    alike = correlations(volume, axis, tissue_hu, rng, lags)
    if alike is None:
        return None
    from scipy.optimize import least_squares  # takes 0.12 s to load, and few scans are slabs

    away_mm = apart_mm * np.arange(1, lags + 1, dtype=np.float64)
    most_mm = MOST_TIMES * about_mm

    def left(q: Floats) -> Floats:
        noise = correlation_of(Profile(q[0], q[1]), away_mm)
        return np.asarray(q[2] + (1.0 - q[2]) * noise - alike)

    found = least_squares(
        left,
        (about_mm, 1.01 * least_bell_mm, 0.0),
        bounds=((LEAST_MM, least_bell_mm, -1e-6), (most_mm, most_mm, 1.0)),
    )
    told = Profile(float(found.x[0]), float(found.x[1]))
    by_edges = Profile(about_mm, least_bell_mm)
    return told if abs(np.log(told.sd_mm / by_edges.sd_mm)) < np.log(AGREE) else None


def correlation_of(profile: Profile, away_mm: Floats) -> Floats:
    """(L,): how a profile correlates with itself moved by ``away_mm`` (L,).

    The triangle that a box makes with itself is a second difference of ramps; each ramp is blurred
    by the Gaussian with itself, √2 as wide.
    """
    width_mm = np.sqrt(2.0) * profile.bell_mm

    def ramp(at_mm: Floats) -> Floats:
        z = at_mm / width_mm
        return np.asarray(z * ndtr(z) + np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi))

    def triangle(at_mm: Floats) -> Floats:
        box_mm = profile.box_mm
        return ramp(at_mm + box_mm) - 2.0 * ramp(at_mm) + ramp(at_mm - box_mm)

    return np.asarray(triangle(away_mm) / triangle(np.zeros(1)))
