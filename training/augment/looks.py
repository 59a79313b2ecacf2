"""Images as other scanners would have given them: the steps of a ``Look``, one after the other.

The order is that of a scanner: what its focal spot and slices blur, what scatter and metal add,
what its calibration makes of that, then noise, the kernel, and where its field of view ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from training.augment.artefacts import add_streaks, cup, shade
from training.augment.draws import Chosen, Draws
from training.augment.field_of_view import draw_outside
from training.augment.intensity import (
    add_noise,
    clip_below,
    draw_intensity_map,
    map_intensities,
    recalibrate,
)
from training.augment.resolution import blur, coarse_voxels, sharpen
from training.augment_config import Look

GRAIN_MM = 0.8
DETAIL_MM = (0.35, 0.75)
TURNED_SHARE = 0.25

Step = Callable[[Tensor, Draws], Tensor]


def as_seen(
    looks: Sequence[Look], hu: Tensor, draws: Draws, spacing_mm: float
) -> tuple[Tensor, Tensor]:
    """Images (B, z, y, x), each with one of the looks or, in the shares' remainder, none.

    Returns them, and, bool, where each still shows what was there.
    """
    recorded = torch.ones_like(hu, dtype=torch.bool)
    limits = np.cumsum([look.share for look in looks])
    taken = np.searchsorted(limits, draws.host_uniform(0.0, 1.0), side="right")
    for number, look in enumerate(looks):
        chosen = taken == number
        if not chosen.any():
            continue
        index, own = draws.index(chosen), draws.only(chosen)
        seen, outside = see(look, hu[index], own, spacing_mm)
        hu = hu.index_copy(0, index, seen)
        recorded = recorded.index_copy(0, index, ~outside)
    return hu, recorded


def see(look: Look, hu: Tensor, draws: Draws, spacing_mm: float) -> tuple[Tensor, Tensor]:
    """Images (B, z, y, x) of one look; and, bool, what its field of view left out."""
    steps: tuple[tuple[float, Step], ...] = (
        (look.coarse_share, lambda v, d: _coarse(look, v, d, spacing_mm)),
        (look.blur_share, lambda v, d: blur(v, d.uniform(0.0, look.blur_mm, 3), spacing_mm)),
        (look.cupping_share, lambda v, d: cup(v, d.uniform(0.0, look.cupping), d, spacing_mm)),
        (look.shading_share, lambda v, d: _shade(look, v, d, spacing_mm)),
        (look.streak_share, lambda v, d: add_streaks(v, look.streak_hu, d, spacing_mm)),
        (look.intensity_map_share, lambda v, d: map_intensities(v, draw_intensity_map(d))),
        (look.calibration_share, lambda v, d: _recalibrate(look, v, d)),
        (look.noise_share, lambda v, d: _noisy(look, v, d, spacing_mm)),
        (look.sharpen_share, lambda v, d: _sharpen(look, v, d, spacing_mm)),
        (look.floor_share, lambda v, d: clip_below(v, d.uniform(*look.floor_hu))),
    )
    for share, step in steps:
        hu = _some(draws.happens(share), hu, draws, step)
    outside = torch.zeros_like(hu, dtype=torch.bool)
    cut = draws.happens(look.cut_share)
    if cut.any():
        index, own = draws.index(cut), draws.only(cut)
        outside = outside.index_copy(0, index, draw_outside(own, hu[index], spacing_mm))
        padding = own.choice(look.padding_hu).reshape(-1, 1, 1, 1)
        hu = hu.index_copy(0, index, torch.where(outside[index], padding, hu[index]))
    return hu, outside


def _some(chosen: Chosen, hu: Tensor, draws: Draws, step: Step) -> Tensor:
    """``hu`` with a step taken by the chosen images only."""
    if not chosen.any():
        return hu
    if chosen.all():
        return step(hu, draws)
    index = draws.index(chosen)
    return hu.index_copy(0, index, step(hu[index], draws.only(chosen)))


def _coarse(look: Look, hu: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    """Voxels of the frame's spacing to ``in_plane_mm`` across and to ``thickness_mm`` along z.

    One of four has its thick axis elsewhere, as coronal and sagittal reformats do.
    """
    across = draws.host_uniform(spacing_mm, max(look.in_plane_mm, spacing_mm))
    along = np.maximum(across, look.thickness_mm * draws.host_uniform(0.0, 1.0))
    voxel = np.stack([along, across, across], axis=1)
    thick = np.where(draws.happens(TURNED_SHARE), draws.integers(3), 0)
    for image, axis in enumerate(thick):
        voxel[image] = np.roll(voxel[image], axis)
    return coarse_voxels(hu, draws.send(voxel), draws.uniform(0.0, 1.0, 3), spacing_mm)


def _shade(look: Look, hu: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    slow, quick = draws.uniform(0.0, look.shading_hu), draws.uniform(0.0, look.mottle_hu)
    return shade(hu, slow, quick, draws, spacing_mm)


def _recalibrate(look: Look, hu: Tensor, draws: Draws) -> Tensor:
    return recalibrate(hu, draws.uniform(*look.gain), draws.uniform(*look.offset_hu))


def _noisy(look: Look, hu: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    sd, grain = draws.uniform(*look.noise_hu), draws.uniform(0.0, GRAIN_MM)
    return add_noise(hu, sd, grain, draws, spacing_mm)


def _sharpen(look: Look, hu: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    amount, detail = draws.uniform(0.0, look.sharpen), draws.uniform(*DETAIL_MM)
    return sharpen(hu, amount, detail, spacing_mm)
