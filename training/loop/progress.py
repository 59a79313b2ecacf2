"""The course of a training: a CSV file, TensorBoard's curves, and a line to read."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from training.config import TrainConfig

LOSS_FILE = "loss.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The mean loss since the last entry; ``drawing`` is the share of time spent on drawing.

    ``share`` is how much of the training is done. ``validation`` is the last loss on the
    validation heads, NaN where there is none.
    """

    step: int
    share: float
    loss: float
    validation: float
    learning_rate: float
    drawing: float
    frames_per_second: float
    seconds_per_step: float

    def line(self, name: str, settings: TrainConfig) -> str:
        """For people: where the training stands and the time left."""
        where, left = f"{self.step}/{settings.steps}", settings.steps - self.step
        seconds = self.seconds_per_step * left
        if settings.minutes > 0:
            where = f"{self.step} ({self.share:.0%} of {settings.minutes:g} min)"
            seconds = 60 * settings.minutes * (1 - self.share)
        seen = "" if self.validation != self.validation else f"validation {self.validation:.4f} "
        pace = f"{self.frames_per_second:.2g} frames/s, drawing {self.drawing:.0%}"
        return f"{name} step {where} loss {self.loss:.4f} {seen}{pace}, {_clock(seconds)} left"


class TrainingLog:
    """Writes the course of a training into its folder, from step ``first`` on.

    Entries of a training that was killed after its last checkpoint are dropped, for the resumed
    one writes them again.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._path = folder / LOSS_FILE
        self._names = [f.name for f in fields(Progress)]
        kept: list[list[str]] = []
        if first and self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in list(csv.reader(file))[1:] if row and int(row[0]) <= first]
        with self._path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self._names, *kept])
        self._curves = SummaryWriter(str(folder / "tensorboard"), purge_step=first or None)

    def add(self, progress: Progress) -> None:
        """Write one entry."""
        entry = asdict(progress)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(
                [progress.step, *(f"{entry[n]:.6g}" for n in self._names[1:])]
            )
        for name, value in entry.items():
            if name != "step" and value == value:
                self._curves.add_scalar(name, value, progress.step)
        self._curves.flush()

    def close(self) -> None:
        """Close TensorBoard's file."""
        self._curves.close()


def frames_seen(folder: Path, batch: int) -> list[int]:
    """How many images each training below an experiment's folder has taken in, by its record."""
    seen = []
    for path in sorted(folder.glob(f"*/{LOSS_FILE}")):
        with path.open(newline="", encoding="utf-8") as file:
            seen.append(batch * max((int(row["step"]) for row in csv.DictReader(file)), default=0))
    return seen


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
