"""Varying a source cube: where the frame lies in it, and how the scanner saw it.

Every draw comes from the generator that is passed in, so the same seed gives the same image.
All images here are torch tensors (channels, z, y, x) and stay on the device they are on; greys
are HU.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.config import AugmentConfig

AIR_HU = -1000.0
AXES = "xyz"
Size = tuple[int, int, int]


def random_placement(
    rng: np.random.Generator,
    config: AugmentConfig,
    size_zyx: Size,
    spacing_mm: float,
    source_mm: float,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Sampling points (1, z, y, x, 3) for ``grid_sample`` of a cubic source ``source_mm`` wide.

    A frame of ``size_zyx`` voxels of ``spacing_mm`` is flipped, turned, scaled, shifted and bent
    about the source's centre.
    """
    angles = np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg, 3))
    matrix = rotation(angles) * np.exp(rng.uniform(-config.scale, config.scale, 3))
    shift = rng.uniform(-config.shift_mm, config.shift_mm, 3)
    halves = [(n - 1) / 2 * spacing_mm for n in size_zyx]
    axes = [
        torch.linspace(-half, half, n, device=device)
        for half, n in zip(halves, size_zyx, strict=True)
    ]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    points = points @ torch.tensor(matrix.T, dtype=torch.float32, device=device)
    points = points + torch.tensor(shift, dtype=torch.float32, device=device)
    if config.elastic_mm > 0:
        knots = rng.normal(0.0, config.elastic_mm / 2, (1, 3, 6, 6, 6))
        bend = functional.interpolate(
            torch.tensor(knots, dtype=torch.float32, device=device), size=size_zyx, mode="trilinear"
        )
        points = points + bend[0].permute(1, 2, 3, 0)
    if config.flips:
        signs = [-1.0 if a in config.flips and rng.random() < 0.5 else 1.0 for a in AXES]
        points = points * torch.tensor(signs, device=device)
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
    if rng.random() < config.coarse_share:
        hu = _coarser_voxels(hu, rng, config.thickness_mm, spacing_mm)
    if rng.random() < 0.4:
        hu = _kernel(hu, rng)
    if rng.random() < config.streak_share:
        hu = hu + _streaks(hu, rng)
    if rng.random() < 0.5:
        hu = hu + _smooth_field(hu, rng, 80.0)
    if rng.random() < 0.8:
        hu = hu + _noise(hu, rng, config.noise_hu)
    if rng.random() < config.grey_share:
        gain = np.exp(rng.uniform(-config.gain, config.gain))
        hu = hu * gain + rng.uniform(-config.offset_hu, config.offset_hu)
    return hu[0, 0]


def change_contrast(
    hu: Tensor, rng: np.random.Generator, config: AugmentConfig, window_hu: tuple[float, float]
) -> Tensor:
    """Greys (z, y, x) stretched or squeezed about the middle of ``window_hu``, half of the time."""
    if config.contrast <= 0 or rng.random() < 0.5:
        return hu
    middle = sum(window_hu) / 2
    return (hu - middle) * float(np.exp(rng.uniform(-config.contrast, config.contrast))) + middle


def cut_field_of_view(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Blank what lies beyond a random plane or outside a random upright cylinder, (z, y, x)."""
    z, y, x = _from_minus_to_plus_one(hu)
    if rng.random() < 0.5:
        normal = rng.normal(0, 1, 3) * (0.2, 0.2, 1.0)
        normal = normal / np.linalg.norm(normal)
        beyond = normal[0] * x + normal[1] * y + normal[2] * z > rng.uniform(0.25, 0.9)
    else:
        angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 3.0)
        away = radius - rng.uniform(0.2, 0.8)
        cx, cy = away * np.cos(angle), away * np.sin(angle)
        beyond = (x - cx) ** 2 + (y - cy) ** 2 > radius**2
    return torch.where(beyond, torch.tensor(AIR_HU, device=hu.device), hu)


def _from_minus_to_plus_one(hu: Tensor) -> list[Tensor]:
    """Coordinates z, y, x of the voxels of (..., z, y, x), -1 at one face and 1 at the other."""
    axes = [torch.linspace(-1, 1, n, device=hu.device) for n in hu.shape[-3:]]
    return list(torch.meshgrid(*axes, indexing="ij"))


def _coarser_voxels(
    hu: Tensor, rng: np.random.Generator, thickness_mm: float, spacing_mm: float
) -> Tensor:
    size = hu.shape[-3:]
    in_plane = rng.uniform(spacing_mm, max(1.2, 2 * spacing_mm))
    voxel = np.array([rng.uniform(in_plane, max(thickness_mm, in_plane)), in_plane, in_plane])
    if rng.random() < 0.25:
        voxel = voxel[rng.permutation(3)]
    coarse = [max(8, round(n * spacing_mm / v)) for n, v in zip(size, voxel, strict=True)]
    small = functional.interpolate(hu, size=coarse, mode="area")
    return functional.interpolate(small, size=size, mode="trilinear", align_corners=False)


def _kernel(hu: Tensor, rng: np.random.Generator) -> Tensor:
    soft = functional.avg_pool3d(
        functional.pad(hu, (1,) * 6, mode="replicate"), kernel_size=3, stride=1
    )
    return hu + float(rng.uniform(-0.7, 1.0)) * (hu - soft)


def _noise(hu: Tensor, rng: np.random.Generator, largest: float) -> Tensor:
    generator = torch.Generator(hu.device).manual_seed(int(rng.integers(2**62)))
    grain = int(rng.integers(1, 4))
    small = [max(2, n // grain) for n in hu.shape[-3:]]
    noise = torch.randn((1, 1, *small), generator=generator, device=hu.device)
    if grain > 1:
        noise = functional.interpolate(noise, size=hu.shape[-3:], mode="trilinear")
    return noise * float(largest * rng.random() ** 2)


def _smooth_field(hu: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    knots = rng.normal(0, strength / 2, (1, 1, 4, 4, 4))
    return functional.interpolate(
        torch.tensor(knots, dtype=torch.float32, device=hu.device),
        size=hu.shape[-3:],
        mode="trilinear",
        align_corners=True,
    )


def _streaks(hu: Tensor, rng: np.random.Generator) -> Tensor:
    """Bright and dark rays in axial slices from one or two points below or beside the joint."""
    z, y, x = _from_minus_to_plus_one(hu)
    total = torch.zeros_like(x)
    for _ in range(int(rng.integers(1, 3))):
        cx, cy, cz = rng.uniform(-2, 2), rng.uniform(-3, -0.5), rng.uniform(-1.5, 0.5)
        angle = torch.atan2(y - cy, x - cx)
        rays = torch.zeros_like(angle)
        for _ in range(4):
            rays = rays + torch.sin(angle * float(rng.uniform(15, 80)) + rng.uniform(0, 6.3))
        height = torch.exp(-(((z - cz) / float(rng.uniform(0.1, 0.8))) ** 2))
        total = total + rays * height * float(rng.uniform(20, 150))
    return total[None, None]
