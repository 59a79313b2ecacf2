"""Joints painted from their labels with random intensities, for anatomies and poses without a scan.

The idea is that of SynthSeg (Billot et al., Medical Image Analysis 86:102789, 2023): a network
that has seen every contrast goes by shape. Masks are (B, 2, z, y, x), MC and TB, 0 to 1.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from training.augment.draws import Draws, per_image
from training.augment.fields import smooth_field
from training.augment.masks import dilated

CORTEX_MM: Final = (1.0, 2.5)
CORTEX_HU: Final = (700.0, 1900.0)
MARROW_HU: Final = (-50.0, 500.0)
MUSCLE_HU: Final = (20.0, 90.0)
FAT_HU: Final = (-120.0, -40.0)
AIR_HU: Final = -1000.0
AIR_LEVEL: Final = 2.0
"""In standard deviations of a smooth field: 2 % of what is no bone is air (ear, sinus, throat)."""

SLOPE: Final = 0.6
"""How far the condyle sinks for each mm that it slides forward: our choice, 31 degrees."""

TISSUE_KNOT_MM: Final = 8.0
TEXTURE_KNOT_MM: Final = 2.5


def render(masks: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    """HU (B, z, y, x) of joints with masks: a bright cortex about marrow, in muscle, fat and air.

    Marrow begins 1 to 2.5 mm inside the condyle; the temporal bone is bright throughout, its
    labels leave air cells and marrow out.
    """
    size = masks.shape[2:]
    tissue, air = smooth_field(draws, size, spacing_mm, TISSUE_KNOT_MM, channels=2).unbind(dim=1)
    muscle, fat = draws.uniform(*MUSCLE_HU, 1, 1, 1), draws.uniform(*FAT_HU, 1, 1, 1)
    soft = torch.where(tissue > draws.uniform(-1.0, 1.0, 1, 1, 1), fat, muscle)
    soft = soft.masked_fill(air > AIR_LEVEL, AIR_HU)
    texture = smooth_field(draws, size, spacing_mm, TEXTURE_KNOT_MM)[:, 0]
    cortex = per_image(draws.uniform(*CORTEX_HU)) * (1.0 + 0.15 * texture)
    marrow = per_image(draws.uniform(*MARROW_HU)) * (1.0 + 0.3 * texture)
    depth = draws.uniform(*CORTEX_MM, 1, 1, 1)
    within = torch.where(_deeper_than(masks[:, 0], depth, spacing_mm), marrow, cortex)
    condyle, bone = masks.clamp(0, 1).unbind(dim=1)
    return soft * (1 - torch.maximum(condyle, bone)) + within * condyle * (1 - bone) + cortex * bone


def _deeper_than(mask: Tensor, depth_mm: Tensor, spacing_mm: float) -> Tensor:
    """Where a mask (B, z, y, x) reaches ``depth_mm`` (B, 1, 1, 1) farther in every direction.

    Counted in voxels of a cube's distance, which is enough for a cortex of no fixed thickness.
    """
    inside = mask > 0.5
    deep, outside = inside, ~inside
    for step in range(1, round(CORTEX_MM[1] / spacing_mm) + 1):
        outside = dilated(outside, 1)
        deep = torch.where(depth_mm >= step * spacing_mm, ~outside, deep)
    return deep


def open_points(points: Tensor, forward_mm: Tensor, turn_rad: Tensor) -> Tensor:
    """Where the mandible's points (B, z, y, x, 3) come from, once it was moved.

    It slides ``forward_mm`` (B,) along the eminence, forward (-y) and down (-z) by 0.6 of that, and
    turns by ``turn_rad`` (B,) about the lateral axis, chin down; negative values close it.
    """
    forward, turn = forward_mm.reshape(-1, 1, 1, 1), turn_rad.reshape(-1, 1, 1, 1)
    x, y, z = points.unbind(dim=-1)
    y, z = y + forward, z + SLOPE * forward
    cos, sin = torch.cos(turn), torch.sin(turn)
    return torch.stack([x, cos * y + sin * z, cos * z - sin * y], dim=-1)
