"""Cross-entropy and Dice over the voxels whose label is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

PEAK: Final = 0.8


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Mean binary cross-entropy; all (N, C, z, y, x), ``weight`` 0 where nothing is known."""
    per_voxel = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (per_voxel * weight).sum() / weight.expand_as(per_voxel).sum().clamp_min(1.0)


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """1 minus the soft Dice coefficient (Milletari et al., 3DV 2016), mean over N and C."""
    probability = torch.sigmoid(logits) * weight
    known = target * weight
    overlap = (probability * known).sum(dim=(2, 3, 4))
    total = (probability**2).sum(dim=(2, 3, 4)) + (known**2).sum(dim=(2, 3, 4))
    return (1.0 - (2 * overlap + 1.0) / (total + 1.0)).mean()


def dice_and_cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The sum of both, each with weight 1."""
    return cross_entropy(logits, target, weight) + dice_loss(logits, target, weight)


def heat_focal(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The focal loss of heat maps (Law and Deng, CornerNet, ECCV 2018), all (N, C, z, y, x).

    Voxels hot enough to be a peak should be sure; all others count by the square of the false
    heat they are given, less so the nearer they lie to a peak.
    """
    probability = torch.sigmoid(logits)
    peak = target > PEAK
    missed = (1 - probability) ** 2 * functional.logsigmoid(logits)
    invented = (1 - target) ** 4 * probability**2 * functional.logsigmoid(-logits)
    total = (torch.where(peak, missed, invented) * weight).sum()
    return -total / (peak * weight).sum().clamp_min(1.0)


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

LOSSES: Final[dict[str, Loss]] = {
    "ce": cross_entropy,
    "dice": dice_loss,
    "dice+ce": dice_and_cross_entropy,
    "heat-focal": heat_focal,
}
"""The losses by their name in a config."""
