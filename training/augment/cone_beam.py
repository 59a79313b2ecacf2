"""A dental cone-beam CT simulated from a CT: whole scans, and tiles to train with.

What is simulated, and where its size comes from: see ``cone_beam_machine``. Arrays are [z, y, x];
lengths mm; the field of view is an upright cylinder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from negvol_cli.geometry.grid import Grid, Points, Vector, Volume, vector
from negvol_cli.geometry.resample import resample
from negvol_cli.steps.localise import coarse
from negvol_cli.structures import AIR_HU
from training.augment.cone_beam_machine import ConeBeamSettings, expose, scatter_, store_
from training.config import LOCALISER_SPACING_MM

__all__ = [
    "ConeBeamSettings",
    "Cylinder",
    "Exposure",
    "cover_tile",
    "draw_exposure",
    "expose_tile",
    "simulate_cone_beam",
]

SCATTER_MM: Final = 30.0
KNOTS_MM: Final = 8.0
HEAD_RADIUS_MM: Final = 90.0
METAL_HU: Final = 2800.0
MOST_METAL: Final = 6
BESIDE_MM: Final = 5.0


def simulate_cone_beam(
    volume: Volume, seed: int, settings: ConeBeamSettings, *, joints_mm: Points | None = None
) -> Volume:
    """The head CT ``volume`` as the machine of ``settings`` would give it, int16, LPS axes.

    ``joints_mm`` (2, 3), right then left, LPS mm, places the cylinder; without it the cylinder
    stands in the middle of the scan. Where the CT itself recorded nothing there is air, but above
    and below it the cylinder ends. The same ``seed`` gives the same noise, rings and streaks, and
    the same joint for a narrow cylinder.
    """
    rng = np.random.default_rng([seed, 31])
    if joints_mm is None:
        corners = volume.grid.corners_mm()
        stand = (corners.min(axis=0) + corners.max(axis=0)) / 2 + [0, 0, settings.height_mm / 2]
    else:
        stand = _axis_and_top(joints_mm, settings, rng)
    grid = _field(volume, settings, stand)
    hu = torch.from_numpy(resample(volume, grid, fill=AIR_HU)).clamp_(min=AIR_HU)
    metal = _metal(hu, grid)
    x, y = (
        torch.arange(n, dtype=torch.float32).sub((n - 1) / 2) * settings.voxel_mm
        for n in grid.size_xyz[:2]
    )
    density, voxel_mm = _density(volume, grid), settings.voxel_mm
    expose(hu, x, y, density, metal, settings=settings, rng=rng, spacing_mm=voxel_mm)
    outside = torch.hypot(x[None], y[:, None]) > settings.diameter_mm / 2
    hu.masked_fill_(outside, settings.padding_hu)
    return Volume(hu.round_().to(torch.int16).numpy(), grid)


@dataclass(frozen=True, slots=True)
class Cylinder:
    """An upright field of view: its axis, radius and ends in mm."""

    x_mm: float
    y_mm: float
    radius_mm: float
    low_mm: float
    high_mm: float

    def depth(self, point_mm: npt.NDArray[np.float64]) -> float:
        """How far inside a point (3,) lies, mm; negative outside."""
        x, y, z = (float(v) for v in point_mm)
        away = float(np.hypot(x - self.x_mm, y - self.y_mm))
        return min(self.radius_mm - away, z - self.low_mm, self.high_mm - z)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A machine, and where its field lies in a tile, mm from the tile's middle."""

    settings: ConeBeamSettings
    field: Cylinder


def draw_exposure(joints_mm: Points, rng: np.random.Generator, spacing_mm: float) -> Exposure:
    """Some machine's exposure of a tile with coarse voxels.

    ``joints_mm`` (N, 3) are the joints from there; without one the cylinder stands anywhere.
    """
    settings = ConeBeamSettings.draw(rng)
    coarser = (settings.voxel_mm / spacing_mm) ** 1.5
    settings = replace(settings, noise_hu=settings.noise_hu * 3 * coarser, rings_hu=0.0)
    if len(joints_mm):
        stand = _axis_and_top(joints_mm, settings, rng)
    else:
        stand = rng.uniform(-60.0, 60.0, 3) + np.array([0.0, 0.0, settings.height_mm / 2])
    x, y, top = (float(v) for v in stand)
    field = Cylinder(x, y, settings.diameter_mm / 2, top - settings.height_mm, top)
    return Exposure(settings, field)


def expose_tile(hu: Tensor, exposure: Exposure, noise: Tensor, spacing_mm: float) -> Tensor:
    """A coarse tile of a head (z, y, x) as the machine would see it if its field had no end.

    ``noise`` is white, of the tile's shape.
    """
    settings = exposure.settings
    x, y, _ = _from_axis(hu, exposure.field, spacing_mm)
    away = torch.hypot(x[None], y[:, None])
    thick = (1.0 - 0.5 * (away / HEAD_RADIUS_MM) ** 2).clamp(0.0, 1.2)[None]
    hu = hu.clone()
    scatter_(hu, away, thick, settings, spacing_mm)
    store_(hu, noise.clone(), settings, spacing_mm)
    return hu


def cover_tile(hu: Tensor, exposure: Exposure, spacing_mm: float) -> Tensor:
    """A tile (z, y, x) with what the machine stores beside its cylinder, and air beyond the scan.

    The scan is the cylinder's bounding box.
    """
    field = exposure.field
    x, y, z = _from_axis(hu, field, spacing_mm)
    beside = torch.hypot(x[None], y[:, None]) > field.radius_mm
    hu = hu.masked_fill(beside[None], exposure.settings.padding_hu)
    level = (z >= field.low_mm) & (z <= field.high_mm)
    across = (x.abs() <= field.radius_mm)[None] & (y.abs() <= field.radius_mm)[:, None]
    return hu.masked_fill(~(across[None] & level[:, None, None]), AIR_HU).clamp(min=AIR_HU)


def _from_axis(hu: Tensor, field: Cylinder, spacing_mm: float) -> tuple[Tensor, Tensor, Tensor]:
    """Mm of a tile's voxels along x and y from the field's axis, and along z from its middle."""
    z, y, x = (
        (torch.arange(n, device=hu.device, dtype=torch.float32) - (n - 1) / 2) * spacing_mm
        for n in hu.shape
    )
    return x - field.x_mm, y - field.y_mm, z


def _axis_and_top(
    joints_mm: Points, settings: ConeBeamSettings, rng: np.random.Generator
) -> Points:
    """(3,): where the axis stands (x, y) and how high the cylinder reaches, for joints (N, 3)."""
    radius = settings.diameter_mm / 2
    chosen = joints_mm[rng.integers(len(joints_mm))]
    middle = joints_mm.mean(axis=0)
    beside = float(np.abs(joints_mm[:, 0] - middle[0]).max())
    if beside + BESIDE_MM > radius:
        middle, beside = chosen, 0.0
    front = np.sqrt(radius**2 - beside**2) - min(settings.behind_mm, radius)
    return np.asarray(middle + np.array([0.0, -front, settings.above_mm]))


def _field(volume: Volume, settings: ConeBeamSettings, stand: Points) -> Grid:
    """The cylinder's bounding box, no higher or lower than the CT."""
    ends = volume.grid.corners_mm()[:, 2]
    high = min(float(stand[2]), float(ends.max()))
    low = max(float(stand[2]) - settings.height_mm, float(ends.min()))
    voxel = settings.voxel_mm
    if high - low < 10 * voxel:
        raise ValueError(f"the cylinder from {low:.0f} to {high:.0f} mm does not meet the scan")
    across, along = round(settings.diameter_mm / voxel), int((high - low) / voxel)
    half = (across - 1) / 2 * voxel
    x, y = (float(v) - half for v in stand[:2])
    origin: Vector = (x, y, high - (along - 0.5) * voxel)
    return Grid((across, across, along), (voxel,) * 3, origin)


def _density(volume: Volume, grid: Grid) -> Tensor:
    """How much head is around each voxel of ``grid``, (z, y, x): about 1 in the middle."""
    small = coarse(volume, LOCALISER_SPACING_MM)
    density = np.clip((small.values_zyx + 1000.0) / 1000.0, 0.0, 2.0)
    sigma = SCATTER_MM / LOCALISER_SPACING_MM
    around = ndimage.gaussian_filter(
        density, sigma, mode=("nearest", "constant", "constant"), truncate=2.5
    )
    extent = np.array(grid.size_xyz) * grid.spacing_mm_xyz
    wide = np.maximum(2, np.round(extent / KNOTS_MM)).astype(int)
    steps = extent / wide
    first = grid.to_world([-0.5] * 3) + steps / 2
    knots = Grid((int(wide[0]), int(wide[1]), int(wide[2])), vector(steps), vector(first))
    values = torch.from_numpy(resample(Volume(around, small.grid), knots, fill=0.0))
    return functional.interpolate(values[None, None], size=grid.shape_zyx, mode="trilinear")[0, 0]


def _metal(hu: Tensor, grid: Grid) -> npt.NDArray[np.float64]:
    """(N, 3): the largest pieces of metal, mm from the axis and from the first slice."""
    step = 3
    pieces, count = ndimage.label(hu[::step, ::step, ::step].numpy() > METAL_HU)
    if count == 0:
        return np.empty((0, 3))
    voxels = np.bincount(pieces.ravel())[1:]
    largest = np.argsort(-voxels)[:MOST_METAL] + 1
    centres = np.array(ndimage.center_of_mass(pieces > 0, pieces, largest))[:, ::-1] * step
    middle = [(grid.size_xyz[0] - 1) / 2, (grid.size_xyz[1] - 1) / 2, 0.0]
    return np.asarray((centres - middle) * grid.spacing_mm_xyz)
