"""What a network is trained for: drawing batches of varied images with targets, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import torch
from torch import Tensor

from negvol_cli.structures import Label
from training.augment.draws import Draws
from training.augment.frames import draw_frames, still_frame
from training.augment.sampling import JointSource
from training.augment.tiles import HeadSource, draw_tiles
from training.config import CHANNELS, ConfigError, Experiment
from training.data.heads import HeadSample, phantom_heads
from training.data.joints import JointSample
from training.data.sources import made_joints, real_heads, real_joints

__all__ = ["CHANNELS", "HeadTask", "JointTask", "Task", "build_task", "joint_sources"]

LEARNT: Final = {
    "joints": (Label.CONDYLE, Label.TEMPORAL_BONE),
    "mc": (Label.CONDYLE,),
    "tb": (Label.TEMPORAL_BONE,),
    "nv": (Label.NEGATIVE_VOLUME,),
}
"""The labels that each object's channels are."""

Drawn = tuple[Tensor, Tensor, Tensor]
Source = TypeVar("Source", JointSource, HeadSource)


class Task(Protocol):
    """Where training images come from; the held-out heads are never among them.

    Images are (B, 1, z, y, x) in [-1, 1], targets (B, C, z, y, x), weights (B, 1, z, y, x), all on
    the device of the draws.
    """

    @property
    def channels(self) -> tuple[str, ...]:
        """What each channel of the target is."""
        ...

    def draw(self, draws: Draws) -> Drawn:
        """A batch of varied images with their targets and weights, one for each generator."""
        ...

    def looks(self) -> list[Drawn]:
        """Batches of one of the validation heads, always the same."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class JointTask:
    """MC, TB or NV in joint frames."""

    experiment: Experiment
    real: Sequence[JointSource]
    phantoms: Sequence[JointSource]
    label_maps: Sequence[JointSource]
    validation: Sequence[JointSource]

    @property
    def channels(self) -> tuple[str, ...]:
        """See Task."""
        return self.experiment.data.channels

    def draw(self, draws: Draws) -> Drawn:
        """See Task."""
        data = self.experiment.data
        pools = (
            (data.phantom_share, self.phantoms),
            (data.label_map_share, self.label_maps),
        )
        return draw_frames(_pick(draws, self.real, pools), draws, self.experiment)

    def looks(self) -> list[Drawn]:
        """See Task: whole frames of the finished network's size, not varied."""
        return [still_frame(source, self.experiment) for source in self.validation]


@dataclass(frozen=True, slots=True, eq=False)
class HeadTask:
    """Heat about the right and the left joint in 4 mm tiles."""

    experiment: Experiment
    real: Sequence[HeadSource]
    phantoms: Sequence[HeadSource]
    validation: Sequence[HeadSource]

    @property
    def channels(self) -> tuple[str, ...]:
        """See Task."""
        return self.experiment.data.channels

    def draw(self, draws: Draws) -> Drawn:
        """See Task."""
        pools = ((self.experiment.data.phantom_share, self.phantoms),)
        return draw_tiles(_pick(draws, self.real, pools), draws, self.experiment)

    def looks(self) -> list[Drawn]:
        """See Task: a tile of each head, varied but always the same."""
        seed = self.experiment.train.seed
        return [
            draw_tiles(
                [head], Draws.seeded([[seed, index]], head.above_air.device), self.experiment
            )
            for index, head in enumerate(self.validation)
        ]


def build_task(
    experiment: Experiment,
    held_out: tuple[str, ...],
    validation: tuple[str, ...] = (),
    device: torch.device | str = "cpu",
    kept: Path | None = None,
) -> JointTask | HeadTask:
    """The task of an experiment, without the heads held out, set aside or judged only.

    ``kept`` is where phantoms and measured negative volumes are kept. Raises ConfigError where
    nothing is left to learn from.
    """
    data, seed = experiment.data, experiment.train.seed
    apart = (*held_out, *validation, *experiment.folds.judged_only)
    if data.object == "heads":
        heads, made = real_heads(data), phantom_heads(data.phantoms, seed, kept)
        kinds = (_without(apart, heads), made, _of(validation, heads))
        return HeadTask(
            experiment, *([HeadSource.of(head, device) for head in kind] for kind in kinds)
        )
    real = real_joints(data, kept)
    pools = (_without(apart, real), *made_joints(data, seed, kept), _of(validation, real))
    return JointTask(experiment, *(sources_of(pool, experiment, device) for pool in pools))


def joint_sources(
    experiment: Experiment,
    heads: Sequence[str],
    device: torch.device | str = "cpu",
    kept: Path | None = None,
) -> list[JointSource]:
    """The annotated joints of some heads of an experiment's data."""
    return sources_of(_of(heads, real_joints(experiment.data, kept)), experiment, device)


def sources_of(
    joints: Sequence[JointSample], experiment: Experiment, device: torch.device | str
) -> list[JointSource]:
    """Joints on ``device``, with the labels that an experiment learns."""
    labels = LEARNT[experiment.data.object]
    return [JointSource.of(joint, labels, device) for joint in joints]


Sample = TypeVar("Sample", JointSample, HeadSample)


def _without(names: tuple[str, ...], samples: list[Sample]) -> list[Sample]:
    left = [s for s in samples if s.head not in names]
    if not left:
        raise ConfigError("folds: no head is left to learn from")
    return left


def _of(names: Sequence[str], samples: list[Sample]) -> list[Sample]:
    return [s for s in samples if s.head in names]


def _pick(
    draws: Draws, real: Sequence[Source], pools: Sequence[tuple[float, Sequence[Source]]]
) -> list[Source]:
    """One source for each image: of a pool in its share, else a real one."""
    picked = []
    for lot, number in zip(draws.host_uniform(0.0, 1.0), draws.integers(2**31), strict=True):
        below, chosen = 0.0, real
        for share, pool in pools:
            if pool and below <= lot < below + share:
                chosen = pool
            below += share
        picked.append(chosen[number % len(chosen)])
    return picked
