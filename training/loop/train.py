"""The training loop: draw, step, average, look, checkpoint; it can be stopped and goes on the same.

``torchrun --nproc-per-node 2 -m training train ...`` deals each batch to several processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from training.config import OWN, ConfigError, Experiment
from training.loop.learner import Learner
from training.loop.processes import joined_processes
from training.loop.progress import TrainingLog
from training.loop.schedule import Clock
from training.loop.spent import Spent
from training.loop.tasks import Drawn, Task, build_task
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
    does reading the data, though not where ``within_minutes`` is a limit to the steps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock(now)
    with joined_processes() as processes:
        torch.manual_seed(experiment.train.seed)
        kept = folder.parent.parent / KEPT
        task = build_task(experiment, held_out, validation, processes.device, kept)
        learner = Learner(experiment, len(task.channels), processes)
        weights = experiment.train.start_from
        if weights and (OWN in weights or not held_out):
            learner.start_from(Path(weights.replace(OWN, folder.name)))
        course = _Course(experiment, folder, learner, clock, say)
        if experiment.train.within_minutes:
            clock.restart()  # what reading took is no reason to hurry
        course.resume()
        looks = task.looks() if experiment.train.patience else []
        while not course.ended:
            course.step(task, looks)
        finished = course.finish()
    return finished.eval().cpu()


class _Course:
    """One training on its way: how far it is, and what is written down of it."""

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        learner: Learner,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self.experiment, self.settings, self.folder = experiment, experiment.train, folder
        self.learner, self.processes, self.clock, self.say = learner, learner.processes, clock, say
        self.steps = 0
        self.spent = Spent(self.processes.device)
        self.log: TrainingLog | None = None

    def resume(self) -> None:
        """Go on from the folder's checkpoint, if there is one."""
        self.steps = self.learner.resume(self.folder / CHECKPOINT, self.clock)
        self.log = TrainingLog(self.folder, self.steps) if self.processes.leads else None
        self.share = self._share()

    @property
    def ended(self) -> bool:
        """Whether the time or the steps are over, or patience is."""
        return self.share >= 1 or self.learner.stopper.stopped

    def _share(self) -> float:
        """What is done of the training; by the leader's clock, where the clock counts at all."""
        by_clock = self.learner.schedule.by_clock
        seconds = self.processes.from_leader(self.clock.seconds) if by_clock else 0.0
        return self.learner.schedule.share(self.steps, seconds)

    def step(self, task: Task, looks: list[Drawn]) -> None:
        """One step, a look where one is due, and an entry and a checkpoint where those are."""
        rate = self.learner.schedule.rate(self.share)
        self.spent.losses.append(self.learner.step(task, self.steps, self.share, self.spent))
        self.steps += 1
        self.share = self._share()
        if looks and (self.steps % self.settings.validate_every == 0 or self.share >= 1):
            self.spent.validation = self.processes.from_leader(self.learner.look(looks))
            self.learner.stopper.look(self.spent.validation, self.learner.average.module)
        if self.ended or self.steps % self.settings.checkpoint_every == 0:
            self._write_down(rate)
            self.spent = Spent(self.processes.device, self.spent.validation)

    def _write_down(self, rate: float) -> None:
        loss = self.processes.mean(_sound_loss(self.spent, self.steps, self.experiment))
        if self.log:
            batch = self.settings.batch
            progress = self.spent.progress(self.steps, self.share, loss, rate, batch)
            self.log.add(progress)
            self.learner.save(self.folder / CHECKPOINT, self.steps, self.clock.seconds)
            self.say(progress.line(self.experiment.name, self.settings))

    def finish(self) -> nn.Module:
        """The averaged network, the best where validation heads chose it, written to the folder.

        Raises ConfigError where there was no time for a single step.
        """
        if self.steps == 0:
            minutes = self.settings.minutes or self.settings.within_minutes
            raise ConfigError(
                f"{minutes:g} minutes were over before the first step: reading the data takes "
                "longer, give the training more"
            )
        network = self.learner.average.module
        if self.learner.stopper.weights:
            network.load_state_dict(self.learner.stopper.weights)
        if self.log:
            self.log.close()
            _write(network.state_dict(), self.folder / WEIGHTS)
        return network


def _sound_loss(spent: Spent, step: int, experiment: Experiment) -> float:
    """The mean loss since the last entry; raises ConfigError where one is not a number."""
    broken = spent.first_broken()
    if broken is None:
        return spent.loss()
    raise ConfigError(
        f"the loss of step {step - len(spent.losses) + broken + 1} is not a number; lower "
        f"train.learning_rate, now {experiment.train.learning_rate:g}, or set "
        "train.mixed_precision to false"
    )


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
