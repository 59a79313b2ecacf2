"""What a scanner makes of attenuation: calibration, intensity maps, saturation, noise.

Images are (B, z, y, x), in HU or in whatever the scanner stores; parameters have one value for
each image.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from training.augment.draws import Draws, per_image
from training.augment.resolution import blur

MAP_HU: Final = (-1024.0, -300.0, -100.0, 30.0, 150.0, 350.0, 700.0, 1300.0, 3100.0)
"""Knots of the intensity maps: air, fat, soft tissue, then ever wider steps through bone."""

SLOPE_SD: Final = 0.7
AIR_SLOPE: Final = (-0.4, 0.8)
SPAN: Final = (1200.0, 3500.0)
TISSUE: Final = (-300.0, 500.0)


def draw_intensity_map(draws: Draws) -> Tensor:
    """(B, 9): what ``MAP_HU`` become, rising. No grey value then means anything by itself.

    Slopes between knots are log-normal (SD 0.7 of their logarithm; from air to fat lower, mean
    -0.4, SD 0.8); then air to 1300 HU is stretched to a span of 1200 to 3500, and soft tissue (30
    HU) put at -300 to 500.
    """
    spread = draws.host_normal(len(MAP_HU) - 1)
    slopes = np.exp(SLOPE_SD * spread)
    slopes[:, 0] = np.exp(AIR_SLOPE[0] + AIR_SLOPE[1] * spread[:, 0])
    steps = np.cumsum(slopes * np.diff(MAP_HU), axis=1)
    knots = np.concatenate([np.zeros((len(draws), 1)), steps], axis=1)
    knots *= draws.host_uniform(*SPAN, 1) / knots[:, -2:-1]
    return draws.send(knots - knots[:, 3:4] + draws.host_uniform(*TISSUE, 1))


def map_intensities(hu: Tensor, knots: Tensor) -> Tensor:
    """Images whose ``MAP_HU`` become ``knots`` (B, 9), linear between and beyond them."""
    levels = _levels(hu.device)
    left = torch.bucketize(hu, levels[1:-1])
    slopes = torch.diff(knots, dim=1) / torch.diff(levels)
    flat = left.reshape(len(hu), -1)
    start = torch.gather(knots, 1, flat).reshape(hu.shape)
    slope = torch.gather(slopes, 1, flat).reshape(hu.shape)
    return start + (hu - levels[left]) * slope


@lru_cache
def _levels(device: torch.device) -> Tensor:
    """``MAP_HU`` on a device, sent there once."""
    return torch.tensor(MAP_HU, device=device)


def recalibrate(hu: Tensor, gain: Tensor, offset_hu: Tensor) -> Tensor:
    """Images with a gain and an offset, (B,) each: intensities that are linear in HU, but not HU.

    Sources of the sizes for cone-beam machines stand in ``cone_beam_machine``.
    """
    return hu * per_image(gain) + per_image(offset_hu)


def change_contrast(hu: Tensor, gain: Tensor, middle_hu: float) -> Tensor:
    """Images stretched about ``middle_hu`` by ``gain`` (B,), as the method's authors did."""
    return (hu - middle_hu) * per_image(gain) + middle_hu


def add_noise(
    hu: Tensor, sd_hu: Tensor, grain_mm: Tensor, draws: Draws, spacing_mm: float
) -> Tensor:
    """Images with noise of ``sd_hu`` (B,) whose grain is a Gaussian of ``grain_mm`` (B,).

    Reconstruction correlates the noise of neighbouring voxels; its strength is that after this.
    """
    noise = draws.noise(*hu.shape[1:])
    noise = blur(noise, grain_mm[:, None].expand(-1, 3), spacing_mm)
    strength = sd_hu / noise.std(dim=(1, 2, 3)).clamp(min=1e-6)
    return hu + noise * per_image(strength)


def clip_above(hu: Tensor, highest_hu: Tensor) -> Tensor:
    """Images that end at ``highest_hu`` (B,), as metal and dense bone do in 12 bits."""
    return torch.minimum(hu, per_image(highest_hu))


def clip_below(hu: Tensor, lowest_hu: Tensor) -> Tensor:
    """Images that begin at ``lowest_hu`` (B,): many machines store nothing darker."""
    return torch.maximum(hu, per_image(lowest_hu))
