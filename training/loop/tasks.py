"""What a network is trained for: drawing one varied image with its target, and judging it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from negvol_cli.structures import Side
from training.augment.cone_beam import cone_beam_effects
from training.augment.scanner import (
    change_contrast,
    cut_field_of_view,
    random_placement,
    sample,
    scanner_effects,
)
from training.augment.tiles import draw_tile
from training.config import CHANNELS, AugmentConfig, ConfigError, DataConfig, Experiment
from training.data.dataset import dataset_of
from training.data.heads import HeadSample, load_heads, phantom_heads
from training.data.joints import (
    SOURCE_SIZE,
    SOURCE_SPACING_MM,
    JointSample,
    load_joints,
    phantom_joints,
)
from training.data.negative_volume import negative_volume

__all__ = ["CHANNELS", "HeadTask", "JointSource", "JointTask", "Task", "build_task", "still"]

FAR_WEIGHT = 0.3
NEAR_MM = 24.0
SOURCE_MM = SOURCE_SIZE * SOURCE_SPACING_MM
STILL = AugmentConfig(rotation_deg=0, scale=0, shift_mm=0, elastic_mm=0)
_STORED = {"condyle": 1, "temporal_bone": 2}

Drawn = tuple[Tensor, Tensor, Tensor]
Sample = TypeVar("Sample", "JointSource", HeadSample)


class Task(Protocol):
    """Where training images come from; the held-out heads are never among them.

    An image is (1, z, y, x) in [-1, 1], its target (C, z, y, x) and its weight (1 or C, z, y, x).
    """

    @property
    def channels(self) -> tuple[str, ...]:
        """What each channel of the target is."""
        ...

    def draw(self, rng: np.random.Generator) -> Drawn:
        """One varied image with its target and weight."""
        ...

    def looks(self) -> list[Drawn]:
        """The same for the validation heads, not varied."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class JointSource:
    """What one joint's images are drawn from, on the device that trains.

    ``channels`` (2 + C, z, y, x) float16: HU / 1000, the labels to learn, and 1 where they are
    known, over the sample's frame.
    """

    head: str
    side: Side
    channels: Tensor


@dataclass(frozen=True, slots=True)
class JointTask:
    """MC, TB or NV in joint frames."""

    experiment: Experiment
    real: list[JointSource]
    phantoms: list[JointSource]
    validation: list[JointSource]

    @property
    def channels(self) -> tuple[str, ...]:
        """See Task."""
        return self.experiment.data.channels

    def draw(self, rng: np.random.Generator) -> Drawn:
        """See Task. Voxels far from the condyle count less: the labels there are looser."""
        data, augment = self.experiment.data, self.experiment.augment
        source = _pick(rng, self.real, self.phantoms, data.phantom_share)
        device = source.channels.device
        points = random_placement(rng, augment, data.patch_zyx, data.spacing_mm, SOURCE_MM, device)
        channels = sample(source.channels.float(), points)
        hu = channels[0] * 1000.0
        known = (channels[-1] > 0.99).float()
        cone_beam = augment.cone_beam_share > 0 and rng.random() < augment.cone_beam_share
        if cone_beam:
            hu, recorded = cone_beam_effects(hu, rng, data.spacing_mm)
            known = known * recorded
        elif augment.scanner:
            hu = scanner_effects(hu, rng, augment, data.spacing_mm)
        hu = change_contrast(hu, rng, augment, data.window_hu)
        if not cone_beam and rng.random() < augment.cut_share:
            cut = cut_field_of_view(hu, rng)
            known = known * (cut == hu)
            hu = cut
        away = torch.linalg.vector_norm(points[0], dim=-1) * (SOURCE_MM / 2)
        weight = known * torch.where(away < NEAR_MM, 1.0, FAR_WEIGHT)
        return _window(hu, data.window_hu), channels[1:-1].clamp(0, 1), weight[None]

    def looks(self) -> list[Drawn]:
        """See Task: whole frames of the finished network's size."""
        return [still(source, self.experiment) for source in self.validation]


def still(source: JointSource, experiment: Experiment) -> Drawn:
    """The frame that the finished network is run on, about the true centre, with its labels."""
    data = experiment.data
    device = source.channels.device
    points = random_placement(
        np.random.default_rng(0), STILL, data.size_zyx, data.spacing_mm, SOURCE_MM, device
    )
    channels = sample(source.channels.float(), points)
    known = (channels[-1] > 0.99).float()
    return _window(channels[0] * 1000.0, data.window_hu), channels[1:-1].clamp(0, 1), known[None]


@dataclass(frozen=True, slots=True)
class HeadTask:
    """Heat about the right and the left joint in 4 mm tiles."""

    experiment: Experiment
    real: list[HeadSample]
    phantoms: list[HeadSample]
    validation: list[HeadSample]

    @property
    def channels(self) -> tuple[str, ...]:
        """See Task."""
        return self.experiment.data.channels

    def draw(self, rng: np.random.Generator) -> Drawn:
        """See Task."""
        source = _pick(rng, self.real, self.phantoms, self.experiment.data.phantom_share)
        return self._tile(source, rng)

    def looks(self) -> list[Drawn]:
        """See Task: a tile of each head, varied but always the same."""
        return [
            self._tile(head, np.random.default_rng([self.experiment.train.seed, i]))
            for i, head in enumerate(self.validation)
        ]

    def _tile(self, head: HeadSample, rng: np.random.Generator) -> Drawn:
        data = self.experiment.data
        hu, heat, weight = draw_tile(head, rng, self.experiment.augment, data.patch_zyx[0])
        return _window(hu, data.window_hu), heat, weight


def build_task(
    experiment: Experiment,
    held_out: tuple[str, ...],
    validation: tuple[str, ...] = (),
    device: torch.device | str = "cpu",
    kept: Path | None = None,
) -> JointTask | HeadTask:
    """The task of an experiment, without the heads held out, set aside or judged only.

    ``kept`` is where joint cubes and measured negative volumes are kept.
    """
    data, seed = experiment.data, experiment.train.seed
    apart = (*held_out, *validation, *experiment.folds.judged_only)
    if data.object != "heads":
        sources = joint_sources(experiment, device, kept)
        learnt = _without(apart, sources)
        phantoms = [
            _source(s, experiment, device, kept) for s in _phantoms(data.phantoms, seed, kept)
        ]
        return JointTask(experiment, learnt, phantoms, _of(validation, sources))
    heads = load_heads(dataset_of(data))
    phantom = phantom_heads(data.phantoms, seed)
    return HeadTask(experiment, _without(apart, heads), phantom, _of(validation, heads))


def joint_sources(
    experiment: Experiment, device: torch.device | str = "cpu", kept: Path | None = None
) -> list[JointSource]:
    """Every annotated joint of an experiment's data."""
    return [_source(s, experiment, device, kept) for s in _joints(experiment.data, kept)]


@lru_cache(maxsize=1)
def _joints(data: DataConfig, kept: Path | None) -> list[JointSample]:
    return load_joints(dataset_of(data), kept)


@lru_cache(maxsize=1)
def _phantoms(count: int, seed: int, kept: Path | None) -> list[JointSample]:
    return phantom_joints(count, seed, kept)


def _source(
    joint: JointSample, experiment: Experiment, device: torch.device | str, kept: Path | None
) -> JointSource:
    data = experiment.data
    if data.object == "joints":
        channels = torch.from_numpy(joint.channels)
    else:
        label = (
            negative_volume(joint, kept).astype(np.float16)
            if data.object == "nv"
            else joint.channels[_STORED[data.channels[0]]]
        )
        channels = torch.from_numpy(np.stack([joint.channels[0], label, joint.channels[3]]))
    return JointSource(joint.head, joint.frame.side, channels.to(device))


def _without(names: tuple[str, ...], samples: list[Sample]) -> list[Sample]:
    left = [s for s in samples if s.head not in names]
    if not left:
        raise ConfigError("folds: no head is left to learn from")
    return left


def _of(names: tuple[str, ...], samples: list[Sample]) -> list[Sample]:
    return [s for s in samples if s.head in names]


def _window(hu: Tensor, window_hu: tuple[float, float]) -> Tensor:
    low, high = window_hu
    return ((hu - low) * (2.0 / (high - low)) - 1.0).clamp(-1.0, 1.0)[None]


def _pick(
    rng: np.random.Generator, real: list[Sample], phantoms: list[Sample], share: float
) -> Sample:
    pool = phantoms if phantoms and rng.random() < share else real
    return pool[int(rng.integers(len(pool)))]
