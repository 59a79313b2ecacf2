"""What a network is trained for: drawing one varied image with its target, and judging it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from training.augment import cut_field_of_view, random_placement, sample, scanner_effects
from training.config import Experiment
from training.heads import HeadSample, draw_tile, load_heads, phantom_heads
from training.joints import (
    SOURCE_SIZE,
    SOURCE_SPACING_MM,
    JointSample,
    load_joints,
    phantom_joints,
)

FAR_WEIGHT = 0.3
NEAR_MM = 24.0

CHANNELS = {"joints": ("condyle", "temporal_bone"), "heads": ("right", "left")}
"""What each output channel of a network is, by the object it is trained for."""

Sample = TypeVar("Sample", JointSample, HeadSample)


class Task(Protocol):
    """Where training images come from; the held-out heads are never among them."""

    @property
    def channels(self) -> tuple[str, ...]:
        """What each channel of the target is."""
        ...

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Image (1, z, y, x) in [-1, 1], target (C, z, y, x) and weight (1 or C, z, y, x)."""
        ...


@dataclass(frozen=True, slots=True)
class JointTask:
    """MC and TB in joint frames."""

    experiment: Experiment
    real: list[JointSample]
    phantoms: list[JointSample]
    channels: tuple[str, ...] = CHANNELS["joints"]

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """See Task. Voxels far from the condyle count less: the labels there are looser."""
        data, augment = self.experiment.data, self.experiment.augment
        source = _pick(rng, self.real, self.phantoms, data.phantom_share)
        points = random_placement(
            rng, augment, data.patch, data.spacing_mm, SOURCE_SIZE * SOURCE_SPACING_MM
        )
        channels = sample(torch.from_numpy(source.channels).float(), points)
        hu = scanner_effects(channels[0] * 1000.0, rng, augment, data.spacing_mm)
        known = (channels[3] > 0.99).float()
        if rng.random() < augment.cut_share:
            cut = cut_field_of_view(hu, rng)
            known = torch.where(cut == hu, known, torch.zeros(()))
            hu = cut
        away = torch.linalg.vector_norm(points[0], dim=-1) * (SOURCE_SIZE * SOURCE_SPACING_MM / 2)
        weight = known * torch.where(away < NEAR_MM, 1.0, FAR_WEIGHT)
        return _window(hu, data.window_hu), channels[1:3].clamp(0, 1), weight[None]


@dataclass(frozen=True, slots=True)
class HeadTask:
    """Heat about the right and the left joint in 4 mm tiles."""

    experiment: Experiment
    real: list[HeadSample]
    phantoms: list[HeadSample]
    channels: tuple[str, ...] = CHANNELS["heads"]

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """See Task."""
        data = self.experiment.data
        source = _pick(rng, self.real, self.phantoms, data.phantom_share)
        hu, heat, weight = draw_tile(source, rng, self.experiment.augment, data.patch)
        return _window(hu, data.window_hu), heat, weight


def build_task(experiment: Experiment, held_out: tuple[str, ...]) -> JointTask | HeadTask:
    """The task of an experiment, without the heads that are held out."""
    data, seed = experiment.data, experiment.train.seed
    folder = Path(data.folder)
    if data.object == "joints":
        joints = [s for s in load_joints(folder / "tmj") if s.head not in held_out]
        return JointTask(experiment, joints, phantom_joints(data.phantoms, seed))
    heads = [s for s in load_heads(folder) if s.head not in held_out]
    return HeadTask(experiment, heads, phantom_heads(data.phantoms, seed))


def _window(hu: Tensor, window_hu: tuple[float, float]) -> Tensor:
    low, high = window_hu
    return ((hu - low) * (2.0 / (high - low)) - 1.0).clamp(-1.0, 1.0)[None]


def _pick(
    rng: np.random.Generator, real: list[Sample], phantoms: list[Sample], share: float
) -> Sample:
    pool = phantoms if phantoms and rng.random() < share else real
    return pool[int(rng.integers(len(pool)))]
