"""Everything that a training changes and a checkpoint keeps, and one step of it."""

from __future__ import annotations

import pickle
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from training.augment.draws import Draws
from training.config import ConfigError, Experiment, TrainConfig
from training.loop.average import MovingAverage
from training.loop.losses import build_loss
from training.loop.processes import Processes, without_exchange
from training.loop.schedule import Clock, Schedule
from training.loop.spent import Mark, Spent
from training.loop.stopping import Stopper
from training.loop.tasks import Drawn, Task
from training.networks import build_network

CLIP_NORM: Final = 5.0
SHORT_STEPS: Final = 2000


class Learner:
    """A network, its average, its optimiser and its stopper."""

    def __init__(self, experiment: Experiment, outputs: int, processes: Processes) -> None:
        settings = experiment.train
        portions = settings.accumulate * processes.count
        if settings.batch % portions:
            raise ConfigError(
                f"train.batch must be divisible by train.accumulate times the processes, "
                f"{portions}, got {settings.batch}"
            )
        self.settings, self.processes = settings, processes
        self.schedule = Schedule(settings)
        self.loss = build_loss(settings)
        network = build_network(experiment.network.kind, experiment.network.channels, outputs)
        self.network: nn.Module = network.to(processes.device)
        if processes.device.type == "cuda":  # sizes never change, and bfloat16 has its own layout
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.benchmark_limit = _tried(settings)
            self.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average = MovingAverage(self.network, settings.average)
        self.shared = processes.share(self.network)
        self.optimiser = _optimiser(settings, self.network)
        self.stopper = Stopper(settings.patience, settings.delta)

    def step(self, task: Task, step: int, share: float, spent: Spent) -> Tensor:
        """Draw this process's part of a batch and learn from it; its loss, on the device."""
        settings, device = self.settings, self.processes.device
        torch.manual_seed(int(np.random.default_rng([settings.seed, step]).integers(2**62)))
        self.network.train()
        if self.schedule.settled(share):
            settle(self.network)
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(share)
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=device)
        for index in range(settings.accumulate):
            start = Mark.now(device)
            batch = self._draw(task, step, index)
            drawn = Mark.now(device)
            with ExitStack() as stack:
                if index + 1 < settings.accumulate:
                    stack.enter_context(without_exchange(self.shared))
                loss = self._loss_of(self.shared, *batch) / settings.accumulate
                loss.backward()
            total += loss.detach()
            spent.portion(start, drawn)
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self.optimiser.step()
        self.average.update(self.network, step + 1)
        return total

    def _draw(self, task: Task, step: int, index: int) -> Drawn:
        """This process's share of portion ``index`` of a batch."""
        settings, processes = self.settings, self.processes
        portion = settings.batch // settings.accumulate
        own = portion // processes.count
        first = index * portion + processes.rank * own
        seeds = [[settings.seed, step, item] for item in range(first, first + own)]
        with torch.no_grad():
            return task.draw(Draws.seeded(seeds, processes.device))

    def look(self, looks: list[Drawn]) -> float:
        """The mean loss of the averaged network on images that it does not learn from."""
        losses = []
        with torch.inference_mode():
            for drawn in looks:
                one = (part.to(self.processes.device) for part in drawn)
                losses.append(float(self._loss_of(self.average.module, *one)))
        return float(np.mean(losses))

    def _loss_of(self, network: nn.Module, image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        mixed, device = self.settings.mixed_precision, self.processes.device.type
        if device == "cuda":
            image = image.contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            logits = network(image)
        return self.loss(logits.float(), target, weight)

    @property
    def _kept(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("network", "average", "optimiser", "stopper")
        }

    def start_from(self, path: Path) -> None:
        """Begin with a file's weights. Raises ConfigError where they are of another network."""
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
            for network in (self.network, self.average.module):
                network.load_state_dict(weights)
        except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as err:
            raise ConfigError(
                f"train.start_from: {path} holds no weights of this network: name the weights.pt "
                "of one with the same network.kind and network.channels"
            ) from err

    def resume(self, path: Path, clock: Clock) -> int:
        """Go on from a checkpoint, if there is one; the step to take next.

        Raises ConfigError where the checkpoint is of another network.
        """
        if not path.is_file():
            return 0
        state = torch.load(path, map_location="cpu", weights_only=True)
        try:
            for name, part in self._kept.items():
                part.load_state_dict(state[name])
        except (KeyError, RuntimeError, ValueError) as err:
            raise ConfigError(
                f"{path} is not a checkpoint of this experiment: remove it, or choose other --runs"
            ) from err
        clock.add(float(state["seconds"]))
        return int(state["step"])

    def save(self, path: Path, step: int, seconds: float) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {name: part.state_dict() for name, part in self._kept.items()}
        partial = path.with_suffix(".partial")
        torch.save({"step": step, "seconds": seconds, **state}, partial)
        partial.replace(path)


def settle(network: nn.Module) -> None:
    """Let every batch normalisation use the averages that it gathered, and gather no more."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eval()


def _tried(settings: TrainConfig) -> int:
    """How many ways cuDNN tries of each convolution.

    Trying all takes seconds that only a long training gets back.
    """
    short = settings.within_minutes > 0 or settings.minutes == 0
    return 3 if short and settings.steps < SHORT_STEPS else 10


def _optimiser(settings: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    rate, decay = settings.learning_rate, settings.weight_decay
    return kind(network.parameters(), lr=rate, weight_decay=decay, fused=True)  # in one pass
