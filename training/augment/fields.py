"""Smooth random fields: knots of noise at a given distance in mm, interpolated between."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from training.augment.draws import Draws


def smooth_field(
    draws: Draws, size_zyx: Sequence[int], spacing_mm: float, knot_mm: float, channels: int = 1
) -> Tensor:
    """Fields (B, channels, z, y, x) of about unit standard deviation at knots ``knot_mm`` apart."""
    knots = [max(2, round((n - 1) * spacing_mm / knot_mm) + 1) for n in size_zyx]
    return functional.interpolate(
        draws.noise(channels, *knots), size=list(size_zyx), mode="trilinear", align_corners=True
    )
