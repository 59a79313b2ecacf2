"""Frames that training draws in a second, without learning from them, and what takes the time.

    python -m benchmarks.drawing DATA [CONFIG] [--batch N] [--batches N] [--threads N]

DATA is a folder in the project's own layout or a pack of joints, CONFIG an experiment (default:
the segmenter's). Runs on a GPU where there is one. Each step of the augmentation is timed alone on
one batch as well, so its share shows what to speed up next.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from training.augment.artefacts import add_streaks, cup, shade
from training.augment.draws import Draws
from training.augment.field_of_view import draw_outside
from training.augment.intensity import add_noise, draw_intensity_map, map_intensities
from training.augment.masks import gap
from training.augment.placement import place
from training.augment.resolution import blur, coarse_voxels
from training.config import Experiment, load_experiment
from training.loop.tasks import JointTask, build_task


def seconds(action: Callable[[int], object], many: int) -> float:
    """Mean seconds of an action, after one to warm up."""
    action(0)
    _wait()
    began = time.perf_counter()
    for number in range(1, many + 1):
        action(number)
    _wait()
    return (time.perf_counter() - began) / many


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def steps(
    experiment: Experiment, task: JointTask, batch: int, device: str
) -> dict[str, Callable[[int], object]]:
    """Each step alone, on a batch of frames."""
    data, spacing = experiment.data, experiment.data.spacing_mm
    sources = (list(task.real) * batch)[:batch]

    def draws(number: int) -> Draws:
        return Draws.seeded([[number, item] for item in range(batch)], device)

    points = place(draws(0), experiment.augment, data.patch_zyx, spacing)
    hu = torch.stack([s.hu_at(p)[0] for s, p in zip(sources, points, strict=True)])
    masks = torch.stack([s.masks_at(p)[0] for s, p in zip(sources, points, strict=True)])
    some = torch.ones(batch, device=device)
    three = torch.ones(batch, 3, device=device)
    return {
        "placing": lambda n: place(draws(n), experiment.augment, data.patch_zyx, spacing),
        "sampling the CT": lambda _: [s.hu_at(p) for s, p in zip(sources, points, strict=True)],
        "sampling labels": lambda _: [s.masks_at(p) for s, p in zip(sources, points, strict=True)],
        "blur": lambda _: blur(hu, three, spacing),
        "coarse voxels": lambda _: coarse_voxels(hu, 2 * three, 0 * three, spacing),
        "cupping": lambda n: cup(hu, some, draws(n), spacing),
        "shading": lambda n: shade(hu, some, some, draws(n), spacing),
        "streaks": lambda n: add_streaks(hu, 100.0, draws(n), spacing),
        "intensity map": lambda n: map_intensities(hu, draw_intensity_map(draws(n))),
        "noise": lambda n: add_noise(hu, some, some, draws(n), spacing),
        "field of view": lambda n: draw_outside(draws(n), hu, spacing),
        "gap weight": lambda _: gap(masks, spacing),
    }


@torch.no_grad()
def main() -> None:
    """Print frames a second, and a table of the steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("config", type=Path, nargs="?", default="training/configs/segmenter.toml")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = "folder" if given.data.is_dir() else "pack"
    experiment = load_experiment(given.config).changed(data={where: str(given.data)})
    task = build_task(experiment, (), device=device)
    if not isinstance(task, JointTask):
        parser.error("CONFIG must be of joints, not of heads")
    batch = given.batch or experiment.train.batch

    def draw(number: int) -> object:
        return task.draw(Draws.seeded([[number, item] for item in range(batch)], device))

    whole = seconds(draw, given.batches)
    on = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()}"
    size = experiment.data.patch_zyx[0]
    print(f"{batch / whole:.2f} frames of {size}³ a second in batches of {batch} ({on})")
    print("| step, taken by every frame | ms per frame |\n|---|---:|")
    for name, step in steps(experiment, task, batch, device).items():
        print(f"| {name} | {1000 * seconds(step, 2) / batch:.0f} |", flush=True)


if __name__ == "__main__":
    main()
