"""The training loop: draw, step, average, checkpoint; it can be stopped and goes on the same."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.config import Experiment
from training.losses import LOSSES
from training.networks import build_network
from training.tasks import Task, build_task

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.pt"


def train(
    experiment: Experiment,
    folder: Path,
    held_out: tuple[str, ...] = (),
    say: Callable[[str], None] = print,
) -> nn.Module:
    """Train one network into ``folder`` and return it with its averaged weights.

    Resumes from ``folder/checkpoint.pt``. Each step draws from a generator seeded by the seed
    and the step, so that a training that was killed ends as one that was not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = experiment.train
    torch.manual_seed(settings.seed)
    task = build_task(experiment, held_out)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_network(
        experiment.network.kind, experiment.network.channels, len(task.channels)
    ).to(device)
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average)
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.steps, pct_start=0.1
    )
    parts = {"network": network, "averaged": averaged, "optimiser": optimiser, "schedule": schedule}
    first = _resume(folder / CHECKPOINT, parts)
    started, recent = time.monotonic(), []
    for step in range(first, settings.steps):
        image, target, weight = _batch(task, settings.seed, step, settings.batch, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision):
            logits = network(image)
        loss = LOSSES[settings.loss](logits.float(), target, weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        recent.append(float(loss.detach()))
        if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
            _save(folder / CHECKPOINT, step + 1, parts)
            mean = float(np.mean(recent))
            left = (time.monotonic() - started) / (step + 1 - first) * (settings.steps - step - 1)
            _log(folder / "loss.csv", step + 1, mean)
            say(
                f"{experiment.name} step {step + 1}/{settings.steps} "
                f"loss {mean:.4f} {left:.0f} s left"
            )
            recent.clear()
    best: nn.Module = averaged.module
    torch.save(best.state_dict(), folder / WEIGHTS)
    return best.eval().cpu()


def load_trained(experiment: Experiment, folder: Path, outputs: int) -> nn.Module:
    """The network of a finished training in ``folder``, ready to predict on the CPU."""
    network = build_network(experiment.network.kind, experiment.network.channels, outputs)
    network.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))
    return network.eval()


def _batch(
    task: Task, seed: int, step: int, batch: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    drawn = [task.draw(np.random.default_rng([seed, step, item])) for item in range(batch)]
    image, target, weight = (torch.stack(part).to(device) for part in zip(*drawn, strict=True))
    return image, target, weight


def _resume(path: Path, parts: dict[str, Any]) -> int:
    if not path.is_file():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _save(path: Path, step: int, parts: dict[str, Any]) -> None:
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    partial = path.with_suffix(".partial")
    torch.save({"step": step, **state}, partial)
    partial.replace(path)


def _log(path: Path, step: int, loss: float) -> None:
    fresh = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["step", "loss"])
        writer.writerow([step, f"{loss:.5f}"])
