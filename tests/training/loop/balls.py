"""A bright ball to be found: as small a task as there is. Also a program, to be killed or dealt.

``python balls.py FOLDER [--kill-in-step N] [--batch N]``; with ``torchrun``, in several processes.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.augment.draws import Draws
from training.config import DataConfig, Experiment, FoldsConfig, NetworkConfig, TrainConfig
from training.loop import train as loop


class BallTask:
    channels = ("ball",)

    def __init__(self, kill_in_step: int | None = None) -> None:
        self.kill_in_step = kill_in_step
        self.drawn = 0

    def draw(self, draws: Draws):
        self.drawn += 1
        if self.kill_in_step is not None and self.drawn > self.kill_in_step:
            os.kill(os.getpid(), signal.SIGKILL)
        index = np.indices((16, 16, 16)) - draws.host_uniform(5, 10, 3, 1, 1, 1)
        away = np.linalg.norm(index, axis=1)
        ball = torch.from_numpy((away < 4).astype(np.float32))[:, None]
        return ball + 0.3 * draws.noise(1, 16, 16, 16), ball, torch.ones_like(ball)

    def looks(self):
        return [BallTask().draw(Draws.seeded([[9, i]])) for i in range(2)]


def experiment(steps: int = 12, **train: Any) -> Experiment:
    settings = {
        "steps": steps,
        "checkpoint_every": 3,
        "learning_rate": 1e-2,
        "average": 0.8,
        "validate_every": 2,
        "patience": 100,
    }
    return Experiment(
        name="balls",
        network=NetworkConfig(channels=(4, 8)),
        data=DataConfig(
            object="mc", spacing_mm=1.0, size=16, patch=16, window_hu=(-1000.0, 1000.0)
        ),
        train=TrainConfig(**{**settings, **train}),
        folds=FoldsConfig(validation=1),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kill-in-step", type=int)
    parser.add_argument("--batch", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    loop.build_task = lambda *_: BallTask(given.kill_in_step)
    loop.train(experiment(batch=given.batch), given.folder, say=lambda _line: None)


if __name__ == "__main__":
    main()
