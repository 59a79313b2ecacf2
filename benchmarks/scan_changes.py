"""What may happen to a scan without anything happening to the head in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, uniform_filter1d

from negvol_cli.geometry.align import grid_of, to_sitk
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.resample import resample
from negvol_cli.structures import AIR_HU

Change = Callable[[Volume], Volume]
Floats = npt.NDArray[np.float32]

SOFT_HU: Final = (-50.0, 150.0)
SHARPENED_MM: Final = 0.8
FWHM: Final = 2.355  # of a Gaussian, in standard deviations


@dataclass(frozen=True, slots=True)
class Slices:
    """Axial slices: how thick each is and how far apart they are, mm."""

    thick_mm: float
    every_mm: float

    def __str__(self) -> str:
        return f"{self.thick_mm:g} mm every {self.every_mm:g} mm"

    def averaged(self, own_mm: float) -> int:
        """Of how many fine slices a slab is the mean, of a scan whose slices are ``own_mm`` apart.

        An odd number, so that the slab stays where it is.
        """
        return int(np.ceil(self.thick_mm / min(own_mm, 0.5))) | 1


def blurred(volume: Volume, sd_mm: float) -> Volume:
    """The scan under a further Gaussian of this standard deviation."""
    sigma = [sd_mm / s for s in volume.grid.spacing_mm_xyz[::-1]]
    return whole(gaussian_filter(_floats(volume), sigma), volume.grid)


def binned(volume: Volume, many_xyz: tuple[int, int, int]) -> Volume:
    """The mean of so many voxels along each axis."""
    mx, my, mz = many_xyz
    nz, ny, nx = (n // m for n, m in zip(volume.values_zyx.shape, (mz, my, mx), strict=True))
    part = _floats(volume)[: nz * mz, : ny * my, : nx * mx]
    mean = part.reshape(nz, mz, ny, my, nx, mx).mean(axis=(1, 3, 5))
    grid = volume.grid
    spacing = vector(np.multiply(grid.spacing_mm_xyz, many_xyz))
    first = grid.to_world((np.array(many_xyz) - 1) / 2)
    return whole(mean, Grid((nx, ny, nz), spacing, vector(first), grid.direction))


def rescaled_hu(volume: Volume, gain: float = 1.0, offset_hu: float = 0.0) -> Volume:
    """Intensities multiplied about 0 HU and shifted, as if out of calibration; none cut off."""
    values = np.rint(_floats(volume) * gain + offset_hu)
    return Volume(values.astype(np.int16), volume.grid)


def noisier(volume: Volume, times: float, seed: int = 1) -> Volume:
    """The scan with so many times its noise: what is missing of the variance is added."""
    values = _floats(volume)
    fine = values - gaussian_filter(values, 1.0)
    soft = (values > SOFT_HU[0]) & (values < SOFT_HU[1])
    spread = 1.4826 * float(np.median(np.abs(fine[soft])))
    noise = np.random.default_rng(seed).standard_normal(values.shape, dtype=np.float32)
    return whole(values + np.sqrt(times**2 - 1.0) * spread * noise, volume.grid)


def with_slices(volume: Volume, mm: float, every_mm: float | None = None) -> Volume:
    """The scan with axial slices ``mm`` thick, and as far apart unless ``every_mm`` is given.

    Never thinner than they were.
    """
    grid = volume.grid
    sz = grid.spacing_mm_xyz[2]
    values = _floats(volume)
    if mm > sz:  # the profile of a thicker slice, as wide at half its height
        values = gaussian_filter(values, (np.sqrt(mm**2 - sz**2) / FWHM / sz, 0, 0))
    return _every(Volume(values, grid), every_mm or mm)


def reconstructed(volume: Volume, sharpen: float, slices: Slices) -> Volume:
    """Another reconstruction of the same acquisition: a kernel in the plane, slabs across.

    ``sharpen`` above 0 is an unsharp mask of 0.8 mm, below 0 a further blur of so many mm.
    """
    sx, sy, _ = volume.grid.spacing_mm_xyz
    if sharpen > 0:
        values = sharpened(volume, sharpen)
    else:
        values = gaussian_filter(_floats(volume), (0.0, -sharpen / sy, -sharpen / sx))
    return in_slabs(Volume(values, volume.grid), slices)


def in_slabs(volume: Volume, slices: Slices) -> Volume:
    """The scan in slices that are even means over their thickness, int16."""
    slab = slices.averaged(volume.grid.spacing_mm_xyz[2])
    seen = _every(volume, slices.thick_mm / slab)
    mean = uniform_filter1d(_floats(seen), slab, axis=0)
    return _every(Volume(mean, seen.grid), slices.every_mm)


def sharpened(volume: Volume, overshoot: float, ring_mm: float = SHARPENED_MM) -> Floats:
    """The scan's intensities under an unsharp mask of ``ring_mm`` in the plane of its slices."""
    sx, sy, _ = volume.grid.spacing_mm_xyz
    values = _floats(volume)
    soft = gaussian_filter(values, (0.0, ring_mm / sy, ring_mm / sx))
    return np.asarray(values + overshoot * (values - soft))


def turned(volume: Volume, axis: int, degrees: float) -> Volume:
    """The head turned about an axis through the scan's middle, on a grid that holds all of it."""
    image = to_sitk(volume)
    middle = volume.grid.to_world((np.array(volume.grid.size_xyz) - 1) / 2)
    angles = [0.0, 0.0, 0.0]
    angles[axis] = float(np.deg2rad(degrees))
    turn = sitk.Euler3DTransform(middle.tolist(), *angles)
    corners = np.array(
        [turn.GetInverse().TransformPoint(c) for c in volume.grid.corners_mm().tolist()]
    )
    spacing = np.array(volume.grid.spacing_mm_xyz)
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y, z = (int(n) for n in np.ceil((high - low) / spacing))
    grid = Grid((x, y, z), vector(spacing), vector(low))
    space = to_sitk(Volume(np.zeros(grid.shape_zyx, np.int16), grid))
    result = sitk.Resample(image, space, turn, sitk.sitkBSpline3, AIR_HU)
    return whole(sitk.GetArrayFromImage(result), grid_of(result))


def whole(values: npt.NDArray[np.floating], grid: Grid) -> Volume:
    """The image as a scanner stores it: int16."""
    return Volume(np.rint(np.clip(values, -1024, 3071)).astype(np.int16), grid)


def _floats(volume: Volume) -> Floats:
    return np.asarray(volume.values_zyx, dtype=np.float32)


def _every(volume: Volume, mm: float) -> Volume:
    """The scan resampled to slices ``mm`` apart, int16."""
    grid = volume.grid
    nx, ny, nz = grid.size_xyz
    sx, sy, sz = grid.spacing_mm_xyz
    spacing: Vector = (sx, sy, mm)
    coarse = Grid((nx, ny, max(int(nz * sz / mm), 1)), spacing, grid.origin_mm_xyz, grid.direction)
    return whole(resample(volume, coarse, fill=AIR_HU), coarse)
