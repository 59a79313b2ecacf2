"""A scanner for phantoms: partial volume, kernel, noise, streaks and field of view."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Volume
from negvol_cli.phantom.shapes import Array

AIR_HU: Final = -1000.0
GREATEST_HU: Final = 3071.0  # a 12-bit scanner's
BLOCK_SAMPLES: Final = 24  # along a block: solids that are not near one are not computed there
FINE_MM: Final = 1.6
COARSE_MM: Final = 2.1
"""Samples lie no closer and no farther apart: each is averaged over its own width by the paint."""

Slices = tuple[slice, slice, slice]
Paint = Callable[[Points, float], Array]
"""HU at points (z, y, x, 3), LPS mm, each averaged over a width in mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How the scanner sees. All values are those of the voxel, after the kernel.

    ``noise_hu`` is the noise's standard deviation, ``blur_mm`` that of the kernel, ``sharpen``
    how much of what the kernel took away a bone kernel gives back (0 to 1). ``streaks_hu`` is the
    strength of the streaks that start at metal. ``cylinder_mm`` is the diameter of a round field
    of view about the grid's middle and its z axis, outside which ``padding_hu`` stands. ``gain``
    (about 0 HU) and ``offset_hu`` shift the intensities as cone-beam scanners do.
    """

    noise_hu: float = 12.0
    blur_mm: float = 0.45
    sharpen: float = 0.0
    streaks_hu: float = 0.0
    cylinder_mm: float | None = None
    padding_hu: float = -1024.0
    gain: float = 1.0
    offset_hu: float = 0.0

    def __post_init__(self) -> None:
        for name in ("noise_hu", "blur_mm", "sharpen", "streaks_hu"):
            if not 0.0 <= getattr(self, name) < 1000.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name):g}")
        if self.cylinder_mm is not None and self.cylinder_mm <= 0:
            raise ValueError(f"cylinder_mm must be positive, got {self.cylinder_mm:g}")
        if self.gain <= 0:
            raise ValueError(f"gain must be positive, got {self.gain:g}")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ScanSettings:
        """The settings of some scanner: most like clinical CT, a few sharp, noisy or streaky."""
        return cls(
            noise_hu=float(np.exp(rng.uniform(np.log(4.0), np.log(60.0)))),
            blur_mm=float(rng.uniform(0.25, 0.8)),
            sharpen=float(rng.uniform(0.0, 1.0) * (rng.random() < 0.4)),
            streaks_hu=float(rng.uniform(100.0, 700.0) * (rng.random() < 0.3)),
            gain=float(rng.uniform(0.85, 1.15)) if rng.random() < 0.3 else 1.0,
            offset_hu=float(rng.uniform(-120.0, 120.0)) if rng.random() < 0.3 else 0.0,
        )


CLEAN: Final = ScanSettings(noise_hu=0.0, blur_mm=0.0)
"""A scanner that adds nothing but partial volume."""


def scan(grid: Grid, paint: Paint, settings: ScanSettings, seed: int, metal_mm: Points) -> Volume:
    """The int16 HU image of what ``paint`` draws; ``metal_mm`` (N, 3) is where streaks start.

    Only noise and streaks depend on ``seed``.
    """
    rng = np.random.default_rng([seed, 7])
    hu = render(grid, paint)
    if settings.streaks_hu > 0 and len(metal_mm):
        hu += streaks(grid, metal_mm, settings.streaks_hu, rng)
    sigma_zyx = [settings.blur_mm / s for s in grid.spacing_mm_xyz[::-1]]
    kernels = [_kernel(sigma) for sigma in sigma_zyx]
    if settings.noise_hu > 0:
        kept = float(np.prod([np.sqrt(np.sum(k**2)) for k in kernels]))
        noise = rng.standard_normal(hu.shape, dtype=np.float32)
        noise *= settings.noise_hu / kept
        hu += noise
    hu = _convolve(hu, kernels)
    if settings.sharpen > 0:
        wide = _convolve(hu, [_kernel(max(1.2 * s, 0.6)) for s in sigma_zyx])
        hu += settings.sharpen * (hu - wide)
    hu = hu * settings.gain + settings.offset_hu
    hu = np.clip(hu, -1024.0, GREATEST_HU)
    if settings.cylinder_mm is not None:
        hu[_outside_cylinder(grid, settings.cylinder_mm)] = settings.padding_hu
    return Volume(np.rint(hu).astype(np.int16), grid)


def render(grid: Grid, paint: Paint) -> npt.NDArray[np.float32]:
    """HU [z, y, x] of the voxels of ``grid``, each the mean of as many samples as it needs."""
    spacing = np.array(grid.spacing_mm_xyz)
    finest = float(np.clip(np.prod(spacing) ** (1 / 3) / 2, FINE_MM, COARSE_MM))
    many = np.maximum(np.ceil(spacing / finest - 1e-3), 1).astype(int)
    width_mm = float(np.prod(spacing / many) ** (1 / 3))
    hu = np.empty(grid.shape_zyx, dtype=np.float32)
    mx, my, mz = (int(n) for n in many)
    for block in blocks(grid, (mz, my, mx)):
        values = paint(block_points(grid, block, (mz, my, mx)), width_mm)
        if mx * my * mz > 1:
            nz, ny, nx = (b.stop - b.start for b in block)
            values = values.reshape(nz, mz, ny, my, nx, mx).mean(axis=(1, 3, 5))
        hu[block] = values
    return hu


def blocks(grid: Grid, many_zyx: tuple[int, int, int] = (1, 1, 1)) -> Iterator[Slices]:
    """The grid in blocks of about 24 samples a side, ``many_zyx`` samples to a voxel."""
    ranges = []
    for size, many in zip(grid.shape_zyx, many_zyx, strict=True):
        count = max(1, round(size * many / BLOCK_SAMPLES))
        edges = np.linspace(0, size, min(count, size) + 1).round().astype(int).tolist()
        ranges.append([slice(a, b) for a, b in pairwise(edges)])
    for z in ranges[0]:
        for y in ranges[1]:
            for x in ranges[2]:
                yield z, y, x


def block_points(grid: Grid, block: Slices, many_zyx: tuple[int, int, int] = (1, 1, 1)) -> Points:
    """(z, y, x, 3): the samples of a block in LPS mm, evenly spread over each voxel."""
    z, y, x = (
        (np.arange(b.start * n, b.stop * n) + 0.5) / n - 0.5
        for b, n in zip(block, many_zyx, strict=True)
    )
    axes = grid.axes
    return np.asarray(
        x[None, None, :, None] * axes[:, 0]
        + y[None, :, None, None] * axes[:, 1]
        + (z[:, None, None, None] * axes[:, 2] + grid.origin_mm_xyz)
    )


def _kernel(sigma: float) -> Array:
    """A Gaussian of ``sigma`` voxels as weights that sum to one."""
    reach = int(np.ceil(2.5 * sigma - 0.2)) if sigma > 0.15 else 0
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (steps / max(sigma, 1e-3)) ** 2)
    return np.asarray(weights / weights.sum())


def _convolve(image: npt.NDArray[np.float32], kernels: list[Array]) -> npt.NDArray[np.float32]:
    """The image [z, y, x] convolved along each axis with its symmetric kernel, edges repeated."""
    for axis, kernel in enumerate(kernels):
        reach = len(kernel) // 2
        if reach == 0:
            continue
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.moveaxis(np.pad(image, pad, mode="edge"), axis, 0)
        size = image.shape[axis]
        total = padded[reach : reach + size] * np.float32(kernel[reach])
        for step in range(1, reach + 1):
            pair = (
                padded[reach - step : reach - step + size]
                + padded[reach + step : reach + step + size]
            )
            pair *= np.float32(kernel[reach + step])
            total += pair
        image = np.moveaxis(total, 0, axis)
    return np.ascontiguousarray(image)


def streaks(
    grid: Grid, metal_mm: Points, strength_hu: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Rays, bright and dark, about each metal point (N, 3), LPS mm, in its own slices only."""
    total = np.zeros(grid.shape_zyx, dtype=np.float32)
    y, x = np.mgrid[: grid.size_xyz[1], : grid.size_xyz[0]].astype(np.float32)
    for i, j, k in grid.to_index(metal_mm):
        dx = (x - i) * grid.spacing_mm_xyz[0]
        dy = (y - j) * grid.spacing_mm_xyz[1]
        angle, radius = np.arctan2(dy, dx), np.hypot(dx, dy)
        rays = np.zeros_like(radius)
        for order in rng.integers(3, 40, 9):
            rays += np.cos(float(order) * angle + rng.uniform(0, 2 * np.pi))
        rays *= strength_hu / 3.0 / (1.0 + radius / 15.0)
        reach = 4.0 / grid.spacing_mm_xyz[2]
        for slab in range(max(0, int(k - 2 * reach)), min(len(total), int(k + 2 * reach) + 1)):
            total[slab] += rays * np.float32(np.exp(-(((slab - k) / reach) ** 2)))
    return total


def _outside_cylinder(grid: Grid, diameter_mm: float) -> npt.NDArray[np.bool_]:
    nx, ny, nz = grid.size_xyz
    x = (np.arange(nx) - (nx - 1) / 2) * grid.spacing_mm_xyz[0]
    y = (np.arange(ny) - (ny - 1) / 2) * grid.spacing_mm_xyz[1]
    outside = np.hypot(x, y[:, None]) > diameter_mm / 2
    return np.broadcast_to(outside, (nz, ny, nx))
