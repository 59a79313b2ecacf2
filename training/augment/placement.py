"""Where frames lie about a joint: turned, scaled, shifted and bent.

Points are mm from the joint's centre in frame axes (x to lateral, y to posterior, z to superior),
as in the product's ``JointFrame``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.augment.draws import Draws, per_image
from training.augment.fields import smooth_field
from training.augment_config import AugmentConfig

ELASTIC_KNOT_MM: Final = 12.8
RIPPLE_KNOT_MM: Final = 5.3
"""Knots of the slow and of the quick field: 6 and 13 along a frame of 64 mm, as in the recipe that
was measured (docs/training.md)."""

AXES: Final = "xyz"


def frame_points(size_zyx: Sequence[int], spacing_mm: float, device: torch.device | str) -> Tensor:
    """(z, y, x, 3): the voxel centres of an undisturbed frame about the joint's centre."""
    axes = [
        (torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2) * spacing_mm
        for n in size_zyx
    ]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def place(
    draws: Draws, config: AugmentConfig, size_zyx: Sequence[int], spacing_mm: float
) -> Tensor:
    """Sampling points (B, z, y, x, 3) of one varied frame for each image."""
    points = frame_points(size_zyx, spacing_mm, draws.device).reshape(1, -1, 3)
    matrix = draws.send(random_matrices(draws, config))
    shift = draws.uniform(-config.shift_mm, config.shift_mm, 1, 3)
    placed = torch.matmul(points, matrix.transpose(1, 2)) + shift
    placed = placed.reshape(len(draws), *size_zyx, 3)
    for share, largest_mm, knot_mm in (
        (config.elastic_share, config.elastic_mm, ELASTIC_KNOT_MM),
        (config.ripple_share, config.ripple_mm, RIPPLE_KNOT_MM),
    ):
        if largest_mm > 0:
            size = draws.host_uniform(0.0, largest_mm) * draws.happens(share)
            field = smooth_field(draws, size_zyx, spacing_mm, knot_mm, channels=3)
            placed += per_image(draws.send(size))[..., None] * field.permute(0, 2, 3, 4, 1)
    if config.flips:
        placed *= draws.send(_signs(draws, config.flips))
    return placed


def random_matrices(draws: Draws, config: AugmentConfig) -> npt.NDArray[np.float64]:
    """(B, 3, 3): a turn about each axis, one scale for all axes and one for each."""
    angles = np.deg2rad(draws.host_uniform(-config.rotation_deg, config.rotation_deg, 3))
    scale = np.exp(draws.host_uniform(-config.scale, config.scale, 1))
    stretch = np.exp(draws.host_uniform(-config.stretch, config.stretch, 3))
    turns = np.array([rotation(some) for some in angles])
    return np.asarray(turns * (scale * stretch)[:, None, :])


def rotation(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(3, 3): turn about x, then y, then z, by ``angles`` in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _signs(draws: Draws, flips: Sequence[str]) -> npt.NDArray[np.float64]:
    """(B, 1, 1, 1, 3): -1 along the axes that an image is turned round in."""
    flipped = [draws.happens(0.5 if axis in flips else 0.0) for axis in AXES]
    return np.where(np.stack(flipped, axis=-1), -1.0, 1.0)[:, None, None, None, :]
