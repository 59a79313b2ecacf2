"""Batches of joint frames: placed, sampled, seen by some scanner, weighted, all on one device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from negvol_cli.inference.normalise import windowed
from training.augment.draws import Draws
from training.augment.intensity import change_contrast, clip_above
from training.augment.looks import as_seen
from training.augment.masks import gap
from training.augment.placement import frame_points, place
from training.augment.rendering import open_points, render
from training.augment.sampling import JointSource
from training.augment_config import AugmentConfig
from training.config import DataConfig, Experiment

NEAR_MM: Final = 24.0
FAR_WEIGHT: Final = 0.3
"""Farther from the condyle than this the reference labels are looser (the data's own README)."""

SATURATION_HU: Final = (1500.0, 3071.0)

Drawn = tuple[Tensor, Tensor, Tensor]


def draw_frames(sources: Sequence[JointSource], draws: Draws, experiment: Experiment) -> Drawn:
    """Images (B, 1, z, y, x) in [-1, 1], targets (B, C, z, y, x) and weights (B, 1, z, y, x).

    One image of each source, by the generator of the same number.
    """
    data, augment = experiment.data, experiment.augment
    points = place(draws, augment, data.patch_zyx, data.spacing_mm)
    hu, masks, known = _sampled(sources, points, draws, data)
    hu = _saturated(hu, draws, augment)
    hu, recorded = as_seen(augment.looks, hu, draws, data.spacing_mm)
    if augment.contrast > 0:
        hu = _contrasted(hu, draws, augment.contrast, data.window_hu)
    away = torch.linalg.vector_norm(points, dim=-1)
    weight = (known & recorded).float() * torch.where(away < NEAR_MM, 1.0, FAR_WEIGHT)
    if experiment.train.gap_weight > 1:
        more = experiment.train.gap_weight - 1
        weight = weight * (1.0 + more * gap(masks, data.spacing_mm).float())
    return windowed(hu, data.window_hu)[:, None], masks, weight[:, None]


def still_frame(source: JointSource, experiment: Experiment) -> Drawn:
    """The frame that the finished network is run on, about the true centre, with its labels.

    Shapes as of ``draw_frames`` with B = 1; the weight is 1 where labels are known.
    """
    data = experiment.data
    points = frame_points(data.size_zyx, data.spacing_mm, source.masks.values.device)
    hu, scanned = source.hu_at(points)
    masks, known = source.masks_at(points)
    image = windowed(hu, data.window_hu)[None, None]
    return image, masks[None], (known & scanned).float()[None, None]


def _sampled(
    sources: Sequence[JointSource], points: Tensor, draws: Draws, data: DataConfig
) -> Drawn:
    """HU (B, z, y, x), masks (B, C, z, y, x) and, bool, where both are known.

    A gather for each image, since every scan has a shape of its own; all else is done at once.
    """
    bare = np.array([source.ct is None for source in sources])
    rendered = bare | draws.happens(data.rendered_share)
    moved = _moved(points, draws, rendered & draws.happens(data.opened_share), data)
    hus, masks, knowns = [], [], []
    for number, source in enumerate(sources):
        mask, known = source.masks_at(points[number])
        if moved is not None:
            mandible, known_there = source.masks_at(moved[number])
            mask, known = torch.cat([mandible[:1], mask[1:]]), known & known_there
        if source.ct is None:
            hu = torch.zeros_like(mask[0])
        else:
            hu, scanned = source.hu_at(points[number])
            known = known & (scanned | bool(rendered[number]))
        hus.append(hu)
        masks.append(mask)
        knowns.append(known)
    hu, mask, known = torch.stack(hus), torch.stack(masks), torch.stack(knowns)
    if rendered.any():
        index = draws.index(rendered)
        known[index] &= ~(mask[index] > 0.5).all(dim=1)  # where a moved mandible met the skull
        hu = hu.index_copy(0, index, render(mask[index], draws.only(rendered), data.spacing_mm))
    return hu, mask, known


def _moved(points: Tensor, draws: Draws, opened: np.ndarray, data: DataConfig) -> Tensor | None:
    """Points at which the mandible is to be sampled, where it was moved in some image."""
    if not opened.any():
        return None
    slide = draws.host_uniform(-0.2, 1.0) * data.opening_mm * opened
    turn = draws.host_uniform(-0.2, 1.0) * np.deg2rad(data.opening_deg) * opened
    return open_points(points, draws.send(slide), draws.send(turn))


def _saturated(hu: Tensor, draws: Draws, augment: AugmentConfig) -> Tensor:
    if augment.saturation_share == 0:
        return hu
    limit = draws.host_uniform(*SATURATION_HU)
    limit[~draws.happens(augment.saturation_share)] = np.inf
    return clip_above(hu, draws.send(limit))


def _contrasted(hu: Tensor, draws: Draws, largest: float, window_hu: tuple[float, float]) -> Tensor:
    gain = np.exp(draws.host_uniform(-largest, largest) * draws.happens(0.5))
    return change_contrast(hu, draws.send(gain), sum(window_hu) / 2)
