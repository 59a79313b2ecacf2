"""Everything of a batch stays on the device that it is drawn for, and nothing waits for it.

There is no GPU in these tests; torch's "meta" device, which has shapes but no values, stands in. An
operation that mixes devices fails on it, and so does one that needs a value on the host, which on a
GPU would wait for all that was asked of it before.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Label, Side
from training.augment.draws import Chosen, Draws
from training.augment.frames import draw_frames
from training.augment.sampling import JointSource
from training.augment.tiles import HeadSource, draw_tiles
from training.augment_config import AugmentConfig, Look, TileConfig
from training.config import DataConfig, Experiment, TrainConfig
from training.data.heads import HeadSample
from training.data.joints import JointSample
from training.loop.losses import build_loss

META = torch.device("meta")


class MetaDraws(Draws):
    """Host draws as ever; what would be sent to a GPU is sent to the meta device."""

    @classmethod
    def of(cls, seeds: range) -> MetaDraws:
        hosts = [np.random.default_rng(seed) for seed in seeds]
        return cls(hosts, [torch.Generator() for _ in seeds], META)

    def only(self, chosen: Chosen) -> MetaDraws:
        some = super().only(chosen)
        return MetaDraws(some.hosts, [torch.Generator() for _ in range(len(some))], META)

    def noise(self, *shape: int) -> Tensor:
        return torch.empty((len(self), *shape), device=META)

    def send(self, values: np.ndarray) -> Tensor:
        return super().send(values).to(META)

    def index(self, chosen: Chosen) -> Tensor:
        return super().index(chosen).to(META)


def source(*, scanned: bool = True) -> JointSource:
    grid = Grid((20,) * 3, (2.0,) * 3, (-19.0,) * 3)
    labels = np.zeros((20,) * 3, np.uint8)
    labels[8:12, 8:12, 8:12] = 1
    ct = Volume(labels.astype(np.int16) * 1000, grid) if scanned else None
    sample = JointSample("made", Side.LEFT, (0.0, 0.0, 0.0), ct, Volume(labels, grid))
    return JointSource.of(sample, (Label.CONDYLE, Label.TEMPORAL_BONE), META)


@pytest.mark.parametrize("seed", range(0, 40, 8))
def test_a_batch_with_every_disturbance_is_drawn_and_its_loss_taken_on_one_device(seed):
    shares = [name for name in Look.model_fields if name.endswith("_share")]
    look = Look.model_validate({"name": "all", "share": 0.8, **dict.fromkeys(shares, 0.5)})
    augment = AugmentConfig(
        stretch=0.05,
        elastic_mm=1.0,
        ripple_mm=0.5,
        flips=("y",),
        saturation_share=0.5,
        contrast=0.5,
        looks=(look,),
    )
    one = Experiment(
        name="x",
        data=DataConfig(
            object="joints",
            spacing_mm=1.0,
            size=16,
            patch=16,
            window_hu=(-600.0, 1800.0),
            rendered_share=0.3,
            opened_share=0.5,
        ),
        train=TrainConfig(steps=1, gap_weight=3.0, dice_power=1),
        augment=augment,
    )
    sources = [source(scanned=number % 4 > 0) for number in range(8)]

    image, target, weight = draw_frames(sources, MetaDraws.of(range(seed, seed + 8)), one)
    loss = build_loss(one.train)(torch.empty_like(target), target, weight)

    assert {part.device.type for part in (image, target, weight, loss)} == {"meta"}
    assert image.shape == weight.shape == (8, 1, 16, 16, 16)
    assert target.shape == (8, 2, 16, 16, 16)


@pytest.mark.parametrize("seed", range(0, 24, 8))
def test_a_batch_of_the_localisers_tiles_is_drawn_and_its_loss_taken_on_one_device(seed):
    shares = [name for name in Look.model_fields if name.endswith("_share")]
    look = Look.model_validate({"name": "all", "share": 0.8, **dict.fromkeys(shares, 0.5)})
    shares = [name for name in TileConfig.model_fields if name.endswith("_share")]
    tiles = TileConfig.model_validate(dict.fromkeys(shares, 0.4))
    one = Experiment(
        name="x",
        data=DataConfig(
            object="heads", spacing_mm=4.0, size=16, patch=16, window_hu=(-1000.0, 1500.0)
        ),
        train=TrainConfig(steps=1, loss="heat-focal"),
        augment=AugmentConfig(looks=(look,), tiles=tiles),
    )
    volume = Volume(np.zeros((20,) * 3, np.float32), Grid((20,) * 3, (4.0,) * 3, (-38.0,) * 3))
    heads = [HeadSample("a", volume, np.array([[-20.0, 0, 0], [20.0, 0, 0]]))] * 6
    heads += [HeadSample("body", volume, np.empty((0, 3)))] * 2
    sources = [HeadSource.of(head, META) for head in heads]

    image, heat, weight = draw_tiles(sources, MetaDraws.of(range(seed, seed + 8)), one)
    loss = build_loss(one.train)(torch.empty_like(heat), heat, weight)

    assert {part.device.type for part in (image, heat, weight, loss)} == {"meta"}
    assert image.shape == weight.shape == (8, 1, 16, 16, 16)
    assert heat.shape == (8, 2, 16, 16, 16)
