"""Fields of view that end within the image. Images are (B, z, y, x)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.augment.artefacts import axes_mm
from training.augment.draws import Draws

PLANE_SHARE = 0.4


def draw_outside(draws: Draws, hu: Tensor, spacing_mm: float) -> Tensor:
    """(B, z, y, x), bool: what lies outside a random field of view that holds the middle.

    Four of ten scans end at a plane, mostly across z, 6 to 29 mm from the middle: where a scan
    begins, or was cropped. The others end at an upright cylinder of 42 to 96 mm radius whose wall
    is 3 to 26 mm from the middle: a gantry's circle, or a cone-beam machine's field.
    """
    z, y, x = axes_mm(hu.shape[1:], spacing_mm, hu.device)
    z, y = z[:, None, None], y[:, None]
    plane = draws.happens(PLANE_SHARE)
    normal = draws.host_normal(3) * (0.2, 0.2, 1.0)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    a, b, c = draws.send(normal).T.reshape(3, -1, 1, 1, 1)
    beyond = a * x + b * y + c * z > draws.uniform(6.4, 28.8, 1, 1, 1)
    angle = draws.host_uniform(0.0, 2 * np.pi)
    radius = draws.host_uniform(41.6, 96.0)
    away = radius - draws.host_uniform(3.2, 25.6)
    cx, cy, r = (
        draws.send(v).reshape(-1, 1, 1, 1)
        for v in (away * np.cos(angle), away * np.sin(angle), radius)
    )
    around = (x - cx) ** 2 + (y - cy) ** 2 > r**2
    return torch.where(draws.send(plane).reshape(-1, 1, 1, 1) > 0, beyond, around)
