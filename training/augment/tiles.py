"""Varied tiles of heads for the localiser, with the heat about their joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from negvol_cli.geometry.grid import Points
from negvol_cli.inference.normalise import windowed
from negvol_cli.structures import AIR_HU
from training.augment.cone_beam import Cylinder, cone_beam_tile
from training.augment.draws import Draws
from training.augment.looks import as_seen
from training.augment.placement import frame_points, rotation
from training.config import LOCALISER_SPACING_MM, AugmentConfig, Experiment
from training.data.heads import HeadSample

HEAT_MM = 7.0


def draw_tiles(
    samples: Sequence[HeadSample], draws: Draws, experiment: Experiment
) -> tuple[Tensor, Tensor, Tensor]:
    """One varied tile of each head: images (B, 1, z, y, x), heat (B, 2, ...), weight (B, 1, ...).

    Tiles are small: they are placed one by one, and seen by their scanners together. A share of
    the upright heads is seen by a cone-beam machine instead, with the joints near its field's edge.
    """
    data, augment = experiment.data, experiment.augment
    tiles = [
        _place(sample, rng, augment, data.patch_zyx[0])
        for sample, rng in zip(samples, draws.hosts, strict=True)
    ]
    hu, scanned, heat, weight = (
        torch.stack([getattr(tile, part) for tile in tiles]).to(draws.device)
        for part in ("hu", "scanned", "heat", "weight")
    )
    plain = np.array([tile.field is None for tile in tiles])
    if plain.any():
        index = draws.index(plain)
        seen, _ = as_seen(augment.looks, hu[index], draws.only(plain), LOCALISER_SPACING_MM)
        hu = hu.index_copy(0, index, seen)
    hu = hu.masked_fill(~scanned, AIR_HU)
    return windowed(hu, data.window_hu)[:, None], heat, weight


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """HU and what was scanned (z, y, x), heat (2, ...), weight (1, ...), a cone beam's field."""

    hu: Tensor
    scanned: Tensor
    heat: Tensor
    weight: Tensor
    field: Cylinder | None


def _place(sample: HeadSample, rng: np.random.Generator, config: AugmentConfig, size: int) -> _Tile:
    """A turned, scaled, perhaps mirrored tile of one head, and the heat about its joints.

    Mirrored heads swap their sides; heads turned upside down or back to front have no heat, so
    that the localiser's silence on them can be told from its answer on the upright one.
    """
    centres = sample.centres_mm
    middle, flip, upright = _middle(sample, rng), np.ones(3), True
    matrix = rotation(np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg, 3)))
    matrix = matrix * np.exp(rng.uniform(-config.scale, config.scale))
    if rng.random() < 0.5:
        flip[0], centres = -1.0, centres[::-1]
    if rng.random() < config.tiles.upside_down_share:
        flip[1:] = [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)][int(rng.integers(3))]
        upright = False
    matrix = matrix * flip
    hu = _sampled(sample, middle, matrix, size)
    at_mm = (centres - middle) @ np.linalg.inv(matrix).T
    field: Cylinder | None = None
    if upright and rng.random() < config.tiles.cone_beam_share:
        hu, field = cone_beam_tile(hu, at_mm, rng, LOCALISER_SPACING_MM)
    scanned = _scanned(rng, 0.0 if field else config.tiles.cut_share, size)
    heat, weight = _heat(at_mm, scanned, field, upright=upright)
    return _Tile(hu, scanned, heat, weight, field)


def _sampled(
    sample: HeadSample,
    middle: npt.NDArray[np.float64],
    matrix: npt.NDArray[np.float64],
    size: int,
) -> Tensor:
    """HU (z, y, x) of a tile about ``middle``, LPS mm, turned by ``matrix``; air outside."""
    grid = sample.volume.grid
    points = frame_points((size,) * 3, LOCALISER_SPACING_MM, "cpu").double()
    points = points @ torch.tensor(matrix.T)
    start = np.array(grid.origin_mm_xyz) - LOCALISER_SPACING_MM / 2
    extent = np.array(grid.size_xyz) * LOCALISER_SPACING_MM
    where = (points + torch.tensor(middle - start)) * torch.tensor(2.0 / extent) - 1.0
    above_air = torch.from_numpy(np.ascontiguousarray(sample.hu, dtype=np.float32)) - AIR_HU
    return (
        functional.grid_sample(
            above_air[None, None], where.float()[None], padding_mode="zeros", align_corners=False
        )[0, 0]
        + AIR_HU
    )


def _heat(
    at_mm: Points, scanned: Tensor, field: Cylinder | None, *, upright: bool
) -> tuple[Tensor, Tensor]:
    """Heat (2, z, y, x) about joints at mm from the tile's middle, and weight (1, z, y, x).

    Where a joint lies at the edge of the tile, the scan or the field, nothing is asked (weight 0).
    """
    size = len(scanned)
    here = frame_points((size,) * 3, LOCALISER_SPACING_MM, "cpu").numpy()
    heat, unclear = torch.zeros(2, *scanned.shape), torch.zeros_like(scanned)
    for channel, at in enumerate(at_mm):
        distance = torch.from_numpy(np.linalg.norm(here - at, axis=-1)).float()
        depth = _depth(at, size, scanned)
        in_field = field.depth(at) if field else np.inf
        if min(depth, in_field) > 0 and upright:
            heat[channel] = torch.exp(-0.5 * (distance / HEAT_MM) ** 2)
        if -8.0 < depth <= 16.0 or -8.0 < in_field <= 4.0:
            unclear |= distance < 4 * HEAT_MM
    return heat, (~unclear).float()[None]


def _middle(sample: HeadSample, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    grid = sample.volume.grid
    low, high = grid.corners_mm().min(axis=0), grid.corners_mm().max(axis=0)
    if len(sample.centres_mm) and rng.random() < 0.8:
        return np.asarray(sample.centres_mm.mean(axis=0) + rng.uniform(-70, 70, 3))
    return np.asarray(rng.uniform(low, high))


def _scanned(rng: np.random.Generator, cut_share: float, size: int) -> Tensor:
    """Which voxels the scan holds: all, or only those below or above a random height."""
    scanned = torch.ones(size, size, size, dtype=torch.bool)
    if rng.random() < cut_share:
        height = (torch.arange(size) - (size - 1) / 2) * LOCALISER_SPACING_MM
        edge = float(rng.uniform(-70, 70))
        scanned &= (height < edge if rng.random() < 0.5 else height > edge)[:, None, None]
    return scanned


def _depth(at_mm: npt.NDArray[np.float64], size: int, scanned: Tensor) -> float:
    """How far inside tile and scan a point lies, mm; negative outside."""
    inside = float((size / 2 * LOCALISER_SPACING_MM - np.abs(at_mm)).min())
    heights = torch.where(scanned[:, 0, 0])[0]
    if len(heights) == 0:
        return -np.inf
    low = (float(heights[0]) - size / 2) * LOCALISER_SPACING_MM
    high = (float(heights[-1]) + 1 - size / 2) * LOCALISER_SPACING_MM
    return min(inside, float(at_mm[2]) - low, high - float(at_mm[2]))
