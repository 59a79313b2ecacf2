"""The training loop: draw, step, average, look, checkpoint; it can be stopped and goes on the same.

``torchrun --nproc-per-node 2 -m training train ...`` deals each batch to several processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from training.config import ConfigError, Experiment
from training.loop.learner import Learner
from training.loop.processes import joined_processes
from training.loop.progress import Record
from training.loop.schedule import Clock
from training.loop.spent import Spent
from training.loop.tasks import build_task
from training.networks import build_network

CHECKPOINT: Final = "checkpoint.pt"
WEIGHTS: Final = "weights.pt"
KEPT: Final = "prepared"


def train(
    experiment: Experiment,
    folder: Path,
    held_out: tuple[str, ...] = (),
    say: Callable[[str], None] = print,
    validation: tuple[str, ...] = (),
    *,
    now: Callable[[], float] = time.monotonic,
) -> nn.Module:
    """Train one network into ``folder`` (RUNS/experiment/fold) and return it, on the CPU.

    Resumes from ``folder/checkpoint.pt``. Each step draws from generators seeded by the seed, the
    step and the image, so that a training by steps that was killed ends as one that was not.
    ``now`` is the clock of a training by minutes, in seconds; drawing and learning count, and so
    does reading the data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = experiment.train
    clock = Clock(now)
    with ExitStack() as stack:
        processes = stack.enter_context(joined_processes())
        torch.manual_seed(settings.seed)
        kept = folder.parent.parent / KEPT
        task = build_task(experiment, held_out, validation, processes.device, kept)
        learner = Learner(experiment, len(task.channels), processes)
        step = learner.resume(folder / CHECKPOINT, clock)
        looks = task.looks() if settings.patience else []
        record = Record(folder, step) if processes.leads else None
        spent = Spent(processes.device)

        def done() -> float:
            """The share that is done; by the leader's clock, where the clock counts at all."""
            seconds = processes.from_leader(clock.seconds) if settings.minutes else 0.0
            return learner.schedule.share(step, seconds)

        share = done()
        while share < 1 and not learner.stopper.stopped:
            spent.losses.append(learner.step(task, step, share, spent))
            step += 1
            rate = learner.schedule.rate(share)
            share = done()
            if looks and (step % settings.validate_every == 0 or share >= 1):
                spent.validation = processes.from_leader(learner.look(looks))
                learner.stopper.look(spent.validation, learner.average.module)
            ends = share >= 1 or learner.stopper.stopped
            if step % settings.checkpoint_every and not ends:
                continue
            loss = processes.mean(_sound_loss(spent, step, experiment))
            if record:
                progress = spent.progress(step, share, loss, rate, settings.batch)
                record.add(progress)
                learner.save(folder / CHECKPOINT, step, clock.seconds)
                say(progress.line(experiment.name, settings))
            spent = Spent(processes.device, spent.validation)
        if step == 0:
            raise ConfigError(
                f"{settings.minutes:g} minutes were over before the first step: reading the data "
                "takes longer, give --minutes or train.minutes more"
            )
        finished = _finished(learner)
        if record:
            record.close()
            _write(finished.state_dict(), folder / WEIGHTS)
    return finished.eval().cpu()


def _sound_loss(spent: Spent, step: int, experiment: Experiment) -> float:
    """The mean loss since the last record; raises ConfigError where one is not a number."""
    broken = spent.first_broken()
    if broken is None:
        return spent.loss()
    raise ConfigError(
        f"the loss of step {step - len(spent.losses) + broken + 1} is not a number; lower "
        f"train.learning_rate, now {experiment.train.learning_rate:g}, or set "
        "train.mixed_precision to false"
    )


def _finished(learner: Learner) -> nn.Module:
    """The averaged network, with the best weights where validation heads chose them."""
    if learner.stopper.weights:
        learner.average.module.load_state_dict(learner.stopper.weights)
    return learner.average.module


def _write(weights: dict[str, Tensor], path: Path) -> None:
    """Write weights, whole or not at all, laid out as on any machine."""
    partial = path.with_suffix(".partial")
    torch.save({name: value.cpu().contiguous() for name, value in weights.items()}, partial)
    partial.replace(path)


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
