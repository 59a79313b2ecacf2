"""Varying a source cube: where the frame lies in it, and how the scanner saw it.

Every draw comes from the generator that is passed in, so the same seed gives the same image.
All images here are torch tensors (channels, z, y, x); greys are HU.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.config import AugmentConfig

AIR_HU = -1000.0


def random_placement(
    rng: np.random.Generator, config: AugmentConfig, size: int, spacing_mm: float, source_mm: float
) -> Tensor:
    """Sampling points (1, z, y, x, 3) for ``grid_sample`` of a cubic source ``source_mm`` wide.

    A frame of ``size`` voxels of ``spacing_mm`` is turned, scaled, shifted and bent about the
    source's centre.
    """
    angles = np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg, 3))
    matrix = rotation(angles) * np.exp(rng.uniform(-config.scale, config.scale, 3))
    shift = rng.uniform(-config.shift_mm, config.shift_mm, 3)
    half = (size - 1) / 2 * spacing_mm
    axis = torch.linspace(-half, half, size)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    points = points @ torch.tensor(matrix.T, dtype=torch.float32)
    points = points + torch.tensor(shift, dtype=torch.float32)
    if config.elastic_mm > 0:
        knots = rng.normal(0.0, config.elastic_mm / 2, (1, 3, 6, 6, 6))
        bend = functional.interpolate(
            torch.tensor(knots, dtype=torch.float32), size=(size,) * 3, mode="trilinear"
        )
        points = points + bend[0].permute(1, 2, 3, 0)
    return (points * (2.0 / source_mm))[None]


def rotation(angles: np.ndarray) -> np.ndarray:
    """(3, 3): turn about x, then y, then z, by ``angles`` in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def sample(channels: Tensor, points: Tensor) -> Tensor:
    """The source (C, z, y, x) at ``points``, linearly; the border's value outside."""
    return functional.grid_sample(
        channels[None], points, mode="bilinear", padding_mode="border", align_corners=False
    )[0]


def scanner_effects(
    hu: Tensor, rng: np.random.Generator, config: AugmentConfig, spacing_mm: float
) -> Tensor:
    """One image (z, y, x) as another scanner would give it: voxels, kernel, noise, greys."""
    hu = hu[None, None]
    if rng.random() < 0.7:
        hu = _coarser_voxels(hu, rng, config.thickness_mm, spacing_mm)
    if rng.random() < 0.4:
        hu = _kernel(hu, rng)
    if rng.random() < config.streak_share:
        hu = hu + _streaks(hu.shape[-1], rng)
    if rng.random() < 0.5:
        hu = hu + _smooth_field(hu.shape[-1], rng, 80.0)
    if rng.random() < 0.8:
        hu = hu + _noise(hu.shape, rng, config.noise_hu)
    if rng.random() < 0.7:
        gain = np.exp(rng.uniform(-config.gain, config.gain))
        hu = hu * gain + rng.uniform(-config.offset_hu, config.offset_hu)
    return hu[0, 0]


def cut_field_of_view(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Blank what lies beyond a random plane or outside a random upright cylinder, (z, y, x)."""
    axis = torch.linspace(-1, 1, hu.shape[-1])
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    if rng.random() < 0.5:
        normal = rng.normal(0, 1, 3) * (0.2, 0.2, 1.0)
        normal = normal / np.linalg.norm(normal)
        beyond = normal[0] * x + normal[1] * y + normal[2] * z > rng.uniform(0.25, 0.9)
    else:
        angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 3.0)
        away = radius - rng.uniform(0.2, 0.8)
        cx, cy = away * np.cos(angle), away * np.sin(angle)
        beyond = (x - cx) ** 2 + (y - cy) ** 2 > radius**2
    return torch.where(beyond, torch.tensor(AIR_HU), hu)


def _coarser_voxels(
    hu: Tensor, rng: np.random.Generator, thickness_mm: float, spacing_mm: float
) -> Tensor:
    size = hu.shape[-1]
    in_plane = rng.uniform(spacing_mm, max(1.2, 2 * spacing_mm))
    voxel = np.array([rng.uniform(in_plane, max(thickness_mm, in_plane)), in_plane, in_plane])
    if rng.random() < 0.25:
        voxel = voxel[rng.permutation(3)]
    coarse = [max(8, round(size * spacing_mm / v)) for v in voxel]
    small = functional.interpolate(hu, size=coarse, mode="area")
    return functional.interpolate(small, size=(size,) * 3, mode="trilinear", align_corners=False)


def _kernel(hu: Tensor, rng: np.random.Generator) -> Tensor:
    soft = functional.avg_pool3d(
        functional.pad(hu, (1,) * 6, mode="replicate"), kernel_size=3, stride=1
    )
    return hu + float(rng.uniform(-0.7, 1.0)) * (hu - soft)


def _noise(shape: torch.Size, rng: np.random.Generator, largest: float) -> Tensor:
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    grain = int(rng.integers(1, 4))
    small = [max(2, n // grain) for n in shape[-3:]]
    noise = torch.randn((1, 1, *small), generator=generator)
    if grain > 1:
        noise = functional.interpolate(noise, size=shape[-3:], mode="trilinear")
    return noise * float(largest * rng.random() ** 2)


def _smooth_field(size: int, rng: np.random.Generator, strength: float) -> Tensor:
    knots = torch.tensor(rng.normal(0, strength / 2, (1, 1, 4, 4, 4)), dtype=torch.float32)
    return functional.interpolate(knots, size=(size,) * 3, mode="trilinear", align_corners=True)


def _streaks(size: int, rng: np.random.Generator) -> Tensor:
    """Bright and dark rays in axial slices from one or two points below or beside the joint."""
    axis = torch.linspace(-1, 1, size)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    total = torch.zeros(size, size, size)
    for _ in range(int(rng.integers(1, 3))):
        cx, cy, cz = rng.uniform(-2, 2), rng.uniform(-3, -0.5), rng.uniform(-1.5, 0.5)
        angle = torch.atan2(y - cy, x - cx)
        rays = torch.zeros_like(angle)
        for _ in range(4):
            rays = rays + torch.sin(angle * float(rng.uniform(15, 80)) + rng.uniform(0, 6.3))
        height = torch.exp(-(((z - cz) / float(rng.uniform(0.1, 0.8))) ** 2))
        total = total + rays * height * float(rng.uniform(20, 150))
    return total[None, None]
