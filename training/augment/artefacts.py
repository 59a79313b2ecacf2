"""What a scanner adds that is not there: cupping, shading, streaks. Images are (B, z, y, x)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from training.augment.draws import Draws, per_image
from training.augment.fields import smooth_field

CUPPING_KNOT_MM: Final = 21.0
SHADING_KNOT_MM: Final = 32.0
MOTTLE_KNOT_MM: Final = 10.5
WAVES: Final = 4
SOURCES: Final = 2


def cup(hu: Tensor, strength: Tensor, draws: Draws, spacing_mm: float) -> Tensor:
    """Images times e^field, the field's SD ``strength`` (B,): scatter and beam hardening.

    They take away attenuation where the head is thick, by up to 30 % (``cone_beam_machine``).
    """
    field = smooth_field(draws, hu.shape[1:], spacing_mm, CUPPING_KNOT_MM)[:, 0]
    return hu * torch.exp(per_image(strength) * field)


def shade(
    hu: Tensor, shading_hu: Tensor, mottle_hu: Tensor, draws: Draws, spacing_mm: float
) -> Tensor:
    """Images plus a slow and a quicker smooth field, SD ``shading_hu`` and ``mottle_hu`` (B,).

    What is left of scatter after a scanner's own correction, and of what lies outside its field.
    """
    size = hu.shape[1:]
    slow = smooth_field(draws, size, spacing_mm, SHADING_KNOT_MM)[:, 0]
    quick = smooth_field(draws, size, spacing_mm, MOTTLE_KNOT_MM)[:, 0]
    return hu + per_image(shading_hu) * slow + per_image(mottle_hu) * quick


def add_streaks(hu: Tensor, largest_hu: float, draws: Draws, spacing_mm: float) -> Tensor:
    """Images with bright and dark rays in axial slices about one or two pieces of metal.

    The metal lies up to 64 mm beside the joint, 16 to 96 mm in front of it, and mostly below it,
    where crowns are; each piece has four waves about it, of 15 to 80 turns, in slices within 3 to
    26 mm of its own, and 20 to ``largest_hu``.
    """
    z, y, x = axes_mm(hu.shape[1:], spacing_mm, hu.device)
    total = torch.zeros_like(hu)
    second = draws.happens(0.5)
    for number in range(SOURCES):
        at = draws.send(_metal_mm(draws))[:, :, None, None]
        angle = torch.atan2(y[:, None] - at[:, 1], x - at[:, 0])
        turns = draws.uniform(15.0, 80.0, WAVES)[..., None, None]
        start = draws.uniform(0.0, 2 * np.pi, WAVES)[..., None, None]
        rays = torch.sin(angle[:, None] * turns + start).sum(dim=1, keepdim=True)
        reach = draws.uniform(3.2, 25.6, 1)
        height = torch.exp(-(((z - at[:, 2, :, 0]) / reach) ** 2))[..., None, None]
        strength = draws.host_uniform(20.0, max(20.0, largest_hu))
        strength *= 1.0 if number == 0 else second
        total += rays * height * per_image(draws.send(strength))
    return hu + total


def _metal_mm(draws: Draws) -> np.ndarray:
    """(B, 3): where a piece of metal lies from the joint, x, y, z in mm."""
    low, high = np.array([-64.0, -96.0, -48.0]), np.array([64.0, -16.0, 16.0])
    return np.asarray(low + draws.host_uniform(0.0, 1.0, 3) * (high - low))


def axes_mm(
    size_zyx: Sequence[int], spacing_mm: float, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """The voxels' z, y and x from the image's middle, mm, one axis each."""
    z, y, x = (
        (torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2) * spacing_mm
        for n in size_zyx
    )
    return z, y, x
