import csv

import numpy as np
import pytest
import torch

from training import loop
from training.config import DataConfig, Experiment, NetworkConfig, TrainConfig

WINDOW = (-1000.0, 1000.0)


class BallTask:
    """A bright ball to be found: as small a task as there is."""

    channels = ("ball",)

    def draw(self, rng: np.random.Generator):
        index = np.indices((16, 16, 16)) - rng.uniform(5, 10, (3, 1, 1, 1))
        ball = torch.from_numpy((np.linalg.norm(index, axis=0) < 4).astype(np.float32))[None]
        image = ball + 0.3 * torch.from_numpy(rng.normal(size=(1, 16, 16, 16)).astype(np.float32))
        return image, ball, torch.ones(1, 16, 16, 16)


@pytest.fixture(autouse=True)
def balls(monkeypatch):
    monkeypatch.setattr(loop, "build_task", lambda _experiment, _held_out: BallTask())


def experiment(steps: int = 12) -> Experiment:
    return Experiment(
        name="balls",
        network=NetworkConfig(channels=(4, 8)),
        data=DataConfig(object="joints", spacing_mm=1.0, size=16, patch=16, window_hu=WINDOW),
        train=TrainConfig(steps=steps, checkpoint_every=3, learning_rate=1e-2, average=0.8),
    )


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_training_lowers_the_loss(tmp_path):
    loop.train(experiment(60), tmp_path, say=lambda _line: None)

    with (tmp_path / "loss.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 20
    assert np.mean(losses[-3:]) < 0.5 * losses[0]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("step", [3, 6, 9])
def test_a_training_that_was_killed_ends_as_one_that_was_not(tmp_path, step):
    whole = weights(loop.train(experiment(), tmp_path / "whole", say=lambda _line: None))

    def kill(line: str) -> None:
        if f"step {step}/" in line:
            raise KilledError

    with pytest.raises(KilledError):
        loop.train(experiment(), tmp_path / "killed", say=kill)
    resumed = weights(loop.train(experiment(), tmp_path / "killed", say=lambda _line: None))

    assert torch.equal(whole, resumed)
