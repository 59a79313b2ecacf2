"""One varied tile of a head for the localiser, with the heat about its joints."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from training.augment.cone_beam import Cylinder, cone_beam_tile
from training.augment.scanner import rotation, scanner_effects
from training.config import LOCALISER_SPACING_MM, AugmentConfig
from training.data.heads import HeadSample

HEAT_MM = 7.0


def draw_tile(
    sample: HeadSample, rng: np.random.Generator, config: AugmentConfig, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """A varied tile of one head: HU (z, y, x), heat (2, z, y, x) and weight (1, z, y, x).

    Mirrored heads swap their sides; heads turned upside down or back to front have no heat, so
    that the localiser's silence on them can be told from its answer on the upright one.
    Where a joint lies at the edge of the tile or of the scan, nothing is asked (weight 0). A share
    of the upright heads is seen by a cone-beam machine, with the joints near its field's edge.
    """
    grid = sample.volume.grid
    middle, extent = _middle(sample, rng), np.array(grid.size_xyz) * LOCALISER_SPACING_MM
    matrix = rotation(np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg, 3)))
    matrix = matrix * np.exp(rng.uniform(-config.scale, config.scale))
    centres = sample.centres_mm
    flip, upright = np.ones(3), True
    if rng.random() < 0.5:
        flip[0], centres = -1.0, centres[::-1]
    if rng.random() < config.upside_down_share:
        flip[1:] = [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)][int(rng.integers(3))]
        upright = False
    matrix = matrix * flip
    axis = (torch.arange(size) - (size - 1) / 2) * LOCALISER_SPACING_MM
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    points = torch.stack([x, y, z], dim=-1).double() @ torch.tensor(matrix.T)
    start = np.array(grid.origin_mm_xyz) - LOCALISER_SPACING_MM / 2
    where = (points + torch.tensor(middle - start)) * torch.tensor(2.0 / extent) - 1.0
    above_air = torch.from_numpy(np.ascontiguousarray(sample.hu, dtype=np.float32))[None, None]
    hu = functional.grid_sample(
        above_air + 1000.0, where.float()[None], padding_mode="zeros", align_corners=False
    )[0, 0]
    hu = hu - 1000.0
    at_mm = (centres - middle) @ np.linalg.inv(matrix).T
    field: Cylinder | None = None
    if upright and config.cone_beam_share > 0 and rng.random() < config.cone_beam_share:
        hu, field = cone_beam_tile(hu, at_mm, rng, LOCALISER_SPACING_MM)
    else:
        hu = scanner_effects(hu, rng, config, LOCALISER_SPACING_MM)
    heat, weight = torch.zeros(2, size, size, size), torch.ones(1, size, size, size)
    here = np.stack([x.numpy(), y.numpy(), z.numpy()], axis=-1)
    seen = _seen(rng, 0.0 if field else config.cut_share, z)
    hu = torch.where(seen, hu, torch.tensor(-1000.0))
    unclear = torch.zeros(size, size, size, dtype=torch.bool)
    for channel, at in enumerate(at_mm):
        distance = torch.from_numpy(np.linalg.norm(here - at, axis=-1)).float()
        bump = torch.exp(-0.5 * (distance / HEAT_MM) ** 2)
        depth = _depth(at, size, seen)
        in_field = field.depth(at) if field else np.inf
        if min(depth, in_field) > 0 and upright:
            heat[channel] = bump
        if -8.0 < depth <= 16.0 or -8.0 < in_field <= 4.0:
            unclear |= distance < 4 * HEAT_MM
    weight = torch.where(unclear, torch.zeros(()), weight)
    return hu, heat, weight


def _middle(sample: HeadSample, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    grid = sample.volume.grid
    low, high = grid.corners_mm().min(axis=0), grid.corners_mm().max(axis=0)
    if len(sample.centres_mm) and rng.random() < 0.8:
        return np.asarray(sample.centres_mm.mean(axis=0) + rng.uniform(-70, 70, 3))
    return np.asarray(rng.uniform(low, high))


def _seen(rng: np.random.Generator, cut_share: float, z: Tensor) -> Tensor:
    """Which voxels the scan holds: all, or only those below or above a random height."""
    if rng.random() >= cut_share:
        return torch.ones_like(z, dtype=torch.bool)
    edge = float(rng.uniform(-70, 70))
    return z < edge if rng.random() < 0.5 else z > edge


def _depth(at_mm: npt.NDArray[np.float64], size: int, seen: Tensor) -> float:
    """How far inside tile and scan a point lies, mm; negative outside."""
    inside = float((size / 2 * LOCALISER_SPACING_MM - np.abs(at_mm)).min())
    heights = torch.where(seen[:, 0, 0])[0]
    if len(heights) == 0:
        return -np.inf
    low = (float(heights[0]) - size / 2) * LOCALISER_SPACING_MM
    high = (float(heights[-1]) + 1 - size / 2) * LOCALISER_SPACING_MM
    return min(inside, float(at_mm[2]) - low, high - float(at_mm[2]))
