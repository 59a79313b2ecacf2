"""Cross-entropy and Dice over the voxels whose label is known.

Every loss but ``heat_focal`` is a mean over images, so that a batch dealt to several processes,
or taken in portions, has the loss of the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from training.config import TrainConfig

PEAK: Final = 0.8
_VOXELS: Final = (2, 3, 4)

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor, foreground: Tensor | None = None
) -> Tensor:
    """Mean binary cross-entropy; all (N, C, z, y, x), ``weight`` 0 where nothing is known.

    ``foreground`` (C,) is how much more a voxel of the object counts than one beside it.
    """
    per_voxel = functional.binary_cross_entropy_with_logits(
        logits,
        target,
        reduction="none",
        pos_weight=None if foreground is None else foreground.reshape(-1, 1, 1, 1),
    )
    known = weight.expand_as(per_voxel)
    total = (per_voxel * known).sum(dim=(1, *_VOXELS))
    return (total / known.sum(dim=(1, *_VOXELS)).clamp_min(1.0)).mean()


def dice_loss(logits: Tensor, target: Tensor, weight: Tensor, power: int = 2) -> Tensor:
    """1 minus the soft Dice coefficient, mean over N and C; ``weight`` is each voxel's share in it.

    With ``power`` 2 its denominator sums squares (Milletari et al., 3DV 2016), with 1 the
    probabilities themselves, which presses harder for answers of 0 and 1.
    """
    probability = torch.sigmoid(logits)
    overlap = (probability * target * weight).sum(dim=_VOXELS)
    total = ((probability**power + target**power) * weight).sum(dim=_VOXELS)
    return (1.0 - (2 * overlap + 1.0) / (total + 1.0)).mean()


def heat_focal(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The focal loss of heat maps (Law and Deng, CornerNet, ECCV 2018), all (N, C, z, y, x).

    Voxels hot enough to be a peak should be sure; all others count by the square of the false
    heat they are given, less so the nearer they lie to a peak. The sum is divided by the number
    of peaks in the batch.
    """
    probability = torch.sigmoid(logits)
    peak = target > PEAK
    missed = (1 - probability) ** 2 * functional.logsigmoid(logits)
    invented = (1 - target) ** 4 * probability**2 * functional.logsigmoid(-logits)
    total = (torch.where(peak, missed, invented) * weight).sum()
    return -total / (peak * weight).sum().clamp_min(1.0)


def build_loss(settings: TrainConfig) -> Loss:
    """The loss that a config names, with its weights."""
    foreground = torch.tensor(settings.foreground_weight) if settings.foreground_weight else None

    def entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        weights = None if foreground is None else foreground.to(logits.device)
        return cross_entropy(logits, target, weight, weights)

    def dice(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return dice_loss(logits, target, weight, settings.dice_power)

    def mixture(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        return settings.dice_weight * dice(logits, target, weight) + settings.ce_weight * entropy(
            logits, target, weight
        )

    losses = {"ce": entropy, "dice": dice, "dice+ce": mixture, "heat-focal": heat_focal}
    return losses[settings.loss]
