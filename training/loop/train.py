"""The training loop: draw, step, average, look, checkpoint; it can be stopped and goes on the same.

``torchrun --nproc-per-node 2 -m training train ...`` deals each batch to several processes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from training.config import ConfigError, Experiment, TrainConfig
from training.loop.losses import build_loss
from training.loop.processes import Processes, joined_processes, without_exchange
from training.loop.progress import Progress, Record
from training.loop.stopping import Stopper
from training.loop.tasks import Task, build_task
from training.networks import build_network

CHECKPOINT: Final = "checkpoint.pt"
WEIGHTS: Final = "weights.pt"
KEPT: Final = "prepared"
CLIP_NORM: Final = 5.0


def train(
    experiment: Experiment,
    folder: Path,
    held_out: tuple[str, ...] = (),
    say: Callable[[str], None] = print,
    validation: tuple[str, ...] = (),
) -> nn.Module:
    """Train one network into ``folder`` (RUNS/experiment/fold) and return it, on the CPU.

    Resumes from ``folder/checkpoint.pt``. Each step draws from a generator seeded by the seed
    and the step, so that a training that was killed ends as one that was not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = experiment.train
    with ExitStack() as stack:
        processes = stack.enter_context(joined_processes())
        torch.manual_seed(settings.seed)
        kept = folder.parent.parent / KEPT
        task = build_task(experiment, held_out, validation, processes.device, kept)
        parts = _Parts(experiment, len(task.channels), processes)
        first = parts.resume(folder / CHECKPOINT)
        looks = task.looks() if settings.patience else []
        record = Record(folder, first) if processes.leads else None
        spent = _Spent()
        for step in range(first, settings.steps):
            if parts.stopper.stopped:
                break
            loss = parts.step(task, step, spent)
            spent.losses.append(processes.mean(loss))
            if not math.isfinite(spent.losses[-1]):
                raise ConfigError(
                    f"the loss of step {step + 1} is not a number; lower train.learning_rate, now "
                    f"{settings.learning_rate:g}, or set train.mixed_precision to false"
                )
            last = step + 1 == settings.steps
            if looks and ((step + 1) % settings.validate_every == 0 or last):
                spent.validation = processes.from_leader(parts.look(looks))
                parts.stopper.look(spent.validation, parts.averaged.module)
            stopped = parts.stopper.stopped
            if record and ((step + 1) % settings.checkpoint_every == 0 or last or stopped):
                progress = spent.progress(step + 1, float(parts.schedule.get_last_lr()[0]))
                record.add(progress)
                parts.save(folder / CHECKPOINT, step + 1)
                say(progress.line(experiment.name, settings.steps))
            if (step + 1) % settings.checkpoint_every == 0:
                spent = _Spent(spent.validation)
        if parts.stopper.weights:
            parts.averaged.module.load_state_dict(parts.stopper.weights)
        finished: nn.Module = parts.averaged.module
        if record:
            record.close()
            torch.save(finished.state_dict(), folder / WEIGHTS)
    return finished.eval().cpu()


def load_trained(experiment: Experiment, folder: Path, outputs: int) -> nn.Module:
    """The network of a finished training in ``folder``, ready to predict on the CPU.

    Its logits are moved so that each object ends at a probability of one half. Raises ConfigError
    where there is no finished training or ``network.levels`` are not one for each output.
    """
    if not (folder / WEIGHTS).is_file():
        raise ConfigError(f"{folder} holds no finished training: run train first")
    levels = experiment.network.levels
    if levels and len(levels) != outputs:
        raise ConfigError(f"network.levels must be {outputs} numbers, got {list(levels)}")
    network = build_network(experiment.network.kind, experiment.network.channels, outputs)
    network.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))
    return (Levelled(network, levels) if levels else network).eval()


class Levelled(nn.Module):
    """A network whose logits are 0 where its own probability is ``levels``, output by output."""

    def __init__(self, network: nn.Module, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.moved = torch.logit(torch.tensor(levels)).reshape(1, -1, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, z, y, x) to logits (N, C, z, y, x)."""
        logits: Tensor = self.network(x)
        return logits - self.moved


def settle(network: nn.Module) -> None:
    """Let every batch normalisation use the averages that it gathered, and gather no more."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eval()


class _Parts:
    """Everything that a training changes and a checkpoint keeps."""

    def __init__(self, experiment: Experiment, outputs: int, processes: Processes) -> None:
        settings = experiment.train
        portions = settings.accumulate * processes.count
        if settings.batch % portions:
            raise ConfigError(
                f"train.batch must be divisible by train.accumulate times the processes, "
                f"{portions}, got {settings.batch}"
            )
        self.settings, self.processes = settings, processes
        self.loss = build_loss(settings)
        self.network = build_network(
            experiment.network.kind, experiment.network.channels, outputs
        ).to(processes.device)
        self.shared = processes.share(self.network)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average),
        )
        self.optimiser = _optimiser(settings, self.network)
        self.schedule = _schedule(settings, self.optimiser)
        self.stopper = Stopper(settings.patience, settings.delta)

    def step(self, task: Task, step: int, spent: _Spent) -> float:
        """Draw this process's part of a batch and learn from it; its loss."""
        settings, processes = self.settings, self.processes
        torch.manual_seed(int(np.random.default_rng([settings.seed, step]).integers(2**62)))
        self.network.train()
        if step >= settings.steps - settings.settle_steps:
            settle(self.network)
        self.optimiser.zero_grad(set_to_none=True)
        portion = settings.batch // settings.accumulate
        own = portion // processes.count
        total = 0.0
        for index in range(settings.accumulate):
            start = spent.start()
            first = index * portion + processes.rank * own
            batch = _batch(task, settings.seed, step, range(first, first + own), processes.device)
            spent.loaded(start)
            with ExitStack() as stack:
                if index + 1 < settings.accumulate:
                    stack.enter_context(without_exchange(self.shared))
                loss = self._loss_of(self.shared, *batch) / settings.accumulate
                loss.backward()
            total += float(loss.detach())
            spent.stepped(start)
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self.optimiser.step()
        self.schedule.step()
        self.averaged.update_parameters(self.network)
        return total

    def look(self, looks: list[tuple[Tensor, Tensor, Tensor]]) -> float:
        """The mean loss of the averaged network on images that it does not learn from."""
        self.averaged.module.eval()
        losses = []
        with torch.inference_mode():
            for drawn in looks:
                one = (part[None].to(self.processes.device) for part in drawn)
                losses.append(float(self._loss_of(self.averaged.module, *one)))
        return float(np.mean(losses))

    def _loss_of(self, network: nn.Module, image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        mixed = self.settings.mixed_precision
        with torch.autocast(self.processes.device.type, torch.bfloat16, enabled=mixed):
            logits = network(image)
        return self.loss(logits.float(), target, weight)

    @property
    def _kept(self) -> dict[str, Any]:
        names = ("network", "averaged", "optimiser", "schedule", "stopper")
        return {name: getattr(self, name) for name in names}

    def resume(self, path: Path) -> int:
        """Go on from a checkpoint, if there is one; the step to take next."""
        if not path.is_file():
            return 0
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name, part in self._kept.items():
            if name in state:
                part.load_state_dict(state[name])
        return int(state["step"])

    def save(self, path: Path, step: int) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {name: part.state_dict() for name, part in self._kept.items()}
        partial = path.with_suffix(".partial")
        torch.save({"step": step, **state}, partial)
        partial.replace(path)


class _Spent:
    """Losses and seconds since the last checkpoint."""

    def __init__(self, validation: float = float("nan")) -> None:
        self.losses: list[float] = []
        self.validation = validation
        self._began = time.monotonic()
        self._loading = self._stepping = 0.0

    def start(self) -> float:
        """The time, once the device is idle."""
        return _now()

    def loaded(self, start: float) -> None:
        """A portion of the batch was drawn."""
        self._loading += _now() - start

    def stepped(self, start: float) -> None:
        """A portion of the batch was drawn and learnt from."""
        self._stepping += _now() - start

    def progress(self, step: int, learning_rate: float) -> Progress:
        """What to write down at ``step``."""
        return Progress(
            step=step,
            loss=float(np.mean(self.losses)),
            validation=self.validation,
            learning_rate=learning_rate,
            loading=self._loading / self._stepping,
            seconds_per_step=(time.monotonic() - self._began) / len(self.losses),
        )


def _now() -> float:
    """Seconds, after what was asked of a GPU is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic()


def _optimiser(settings: TrainConfig, network: nn.Module) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _schedule(
    settings: TrainConfig, optimiser: torch.optim.Optimizer
) -> torch.optim.lr_scheduler.LRScheduler:
    if settings.schedule == "step":
        return torch.optim.lr_scheduler.StepLR(
            optimiser, settings.schedule_steps, settings.schedule_factor
        )
    return torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
    )


def _batch(
    task: Task, seed: int, step: int, items: range, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    drawn = [task.draw(np.random.default_rng([seed, step, item])) for item in items]
    image, target, weight = (torch.stack(part).to(device) for part in zip(*drawn, strict=True))
    return image, target, weight
