"""Batches of varied tiles of heads for the localiser, with the heat about their joints.

All voxels are drawn, placed and disturbed on the training's device, as joint frames are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from negvol_cli.geometry.grid import Grid, Points
from negvol_cli.inference.normalise import windowed
from negvol_cli.structures import AIR_HU
from training.augment.cone_beam import cover_tile, expose_tile
from training.augment.draws import Draws
from training.augment.looks import as_seen
from training.augment.placement import frame_points
from training.augment.tile_plans import TilePlan, draw_plan
from training.config import LOCALISER_SPACING_MM, Experiment
from training.data.heads import HeadSample

HEAT_MM: Final = 7.0
UNCLEAR_MM: Final = 4 * HEAT_MM
NOWHERE_MM: Final = 1e5
"""Where the joints of a body without any are: far from every voxel."""

Drawn = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class HeadSource:
    """What one head's tiles are drawn from: HU above air on the device, (1, z, y, x), int16."""

    head: str
    above_air: Tensor
    grid: Grid
    centres_mm: Points

    @classmethod
    def of(cls, sample: HeadSample, device: torch.device | str) -> HeadSource:
        """A coarse head, sent to ``device``."""
        values = np.round(sample.hu - AIR_HU).astype(np.int16)
        above_air = torch.from_numpy(np.ascontiguousarray(values))[None].to(device)
        return cls(sample.head, above_air, sample.volume.grid, sample.centres_mm)


def draw_tiles(sources: Sequence[HeadSource], draws: Draws, experiment: Experiment) -> Drawn:
    """One varied tile of each head: images (B, 1, z, y, x), heat (B, 2, ...), weight (B, 1, ...).

    Every tile is seen by one of the scanners of ``augment.looks``; a share of the upright heads
    stood in a cone-beam machine before, with the joints near its field's edge.
    """
    data, augment = experiment.data, experiment.augment
    plans = [
        draw_plan(source.grid, source.centres_mm, rng, augment, data.patch_zyx[0])
        for source, rng in zip(sources, draws.hosts, strict=True)
    ]
    points = frame_points(data.patch_zyx, LOCALISER_SPACING_MM, draws.device)
    hu = _sampled(sources, plans, points, draws)
    hu = _exposed(hu, plans, draws)
    hu, _ = as_seen(augment.looks, hu, draws, LOCALISER_SPACING_MM)
    hu = _ended(hu, plans, points, draws)
    heat, weight = _heat(plans, points, draws)
    return windowed(hu, data.window_hu)[:, None], heat, weight


def _sampled(
    sources: Sequence[HeadSource], plans: Sequence[TilePlan], points: Tensor, draws: Draws
) -> Tensor:
    """HU (B, z, y, x) at the tiles' places; air outside the scans."""
    half = [np.array(s.grid.size_xyz) / 2 * LOCALISER_SPACING_MM for s in sources]
    start = [np.array(s.grid.origin_mm_xyz) - LOCALISER_SPACING_MM / 2 for s in sources]
    turns = [(p.matrix / h[:, None]).T for p, h in zip(plans, half, strict=True)]
    shifts = [(p.middle_mm - s) / h - 1.0 for p, s, h in zip(plans, start, half, strict=True)]
    where = torch.matmul(points.reshape(1, -1, 3), draws.send(np.array(turns)))
    where = (where + draws.send(np.array(shifts))[:, None]).reshape(-1, *points.shape)
    sampled = [
        functional.grid_sample(
            source.above_air[None].float(), at[None], padding_mode="zeros", align_corners=False
        )[0, 0]
        for source, at in zip(sources, where, strict=True)
    ]
    return torch.stack(sampled) + AIR_HU


def _exposed(hu: Tensor, plans: Sequence[TilePlan], draws: Draws) -> Tensor:
    """The tiles (B, z, y, x), those in a cone-beam machine as it sees them."""
    chosen = np.array([plan.exposure is not None for plan in plans])
    if not chosen.any():
        return hu
    noise = iter(draws.only(chosen).noise(*hu.shape[1:]))
    seen = [
        expose_tile(tile, plan.exposure, next(noise), LOCALISER_SPACING_MM)
        if plan.exposure
        else tile
        for tile, plan in zip(hu, plans, strict=True)
    ]
    return torch.stack(seen)


def _ended(hu: Tensor, plans: Sequence[TilePlan], points: Tensor, draws: Draws) -> Tensor:
    """The tiles (B, z, y, x) with air where their scans end, and what stands beside a field."""
    ends = np.clip([plan.ends_mm for plan in plans], -NOWHERE_MM, NOWHERE_MM)
    low, high = draws.send(ends).reshape(-1, 2, 1, 1, 1).unbind(1)
    height = points[None, ..., 2]
    hu = hu.masked_fill((height < low) | (height > high), AIR_HU)
    covered = [
        cover_tile(tile, plan.exposure, LOCALISER_SPACING_MM) if plan.exposure else tile
        for tile, plan in zip(hu, plans, strict=True)
    ]
    return torch.stack(covered)


def _heat(plans: Sequence[TilePlan], points: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """Heat (B, 2, z, y, x) about the joints, and weight (B, 1, z, y, x).

    Where a joint lies at the edge of the tile, the scan or the field, nothing is asked (weight 0).
    """
    at, asked = np.full((len(plans), 2, 3), NOWHERE_MM), np.zeros((2, len(plans), 2))
    for number, plan in enumerate(plans):
        for side, joint in enumerate(plan.joints):
            at[number, side] = joint.at_mm
            asked[:, number, side] = joint.shown, joint.unclear
    z, y, x = points[:, 0, 0, 2], points[0, :, 0, 1], points[0, 0, :, 0]
    to_x, to_y, to_z = ((x, y, z)[i] - draws.send(at[..., i, None]) for i in range(3))
    squared = to_z[..., None, None] ** 2 + to_y[..., None, :, None] ** 2
    squared = squared + to_x[..., None, None, :] ** 2
    shown, unclear = draws.send(asked)[..., None, None, None]
    heat = torch.exp(squared / (-2.0 * HEAT_MM**2)) * shown
    unasked = (squared < UNCLEAR_MM**2) & (unclear > 0)
    return heat, (~unasked.any(dim=1, keepdim=True)).float()
