"""Masks of labels on the device that trains. Masks are (B, ..., z, y, x), bool."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

GAP_MM: Final = 1.5


def dilated(mask: Tensor, reach: int) -> Tensor:
    """A mask grown by ``reach`` voxels along each axis, so in a box.

    By shifts and ors, axis after axis: on a CPU twenty times as fast as pooling.
    """
    for axis in (-3, -2, -1):
        size, grown = mask.shape[axis], mask.clone()
        for step in range(1, min(reach, size - 1) + 1):
            here, there = mask.narrow(axis, 0, size - step), mask.narrow(axis, step, size - step)
            low, high = grown.narrow(axis, 0, size - step), grown.narrow(axis, step, size - step)
            torch.logical_or(low, there, out=low)
            torch.logical_or(high, here, out=high)
        mask = grown
    return mask


def gap(masks: Tensor, spacing_mm: float) -> Tensor:
    """(B, z, y, x): where both of two labels (B, 2, z, y, x), 0 to 1, are within 1.5 mm.

    This is where the joint space is decided, and where two bones are told apart.
    """
    reach = max(1, round(GAP_MM / spacing_mm))
    return dilated(masks > 0.5, reach).all(dim=1)
