"""How far a training is, by steps or by the clock, and what the learning rate is there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that depends on the share of a training that is done, 0 to 1."""

    settings: TrainConfig

    def share(self, step: int, seconds: float) -> float:
        """How much is done after ``step`` steps and ``seconds``; 1 at the end."""
        settings = self.settings
        if settings.minutes > 0:
            return min(1.0, seconds / (60.0 * settings.minutes))
        by_steps = step / settings.steps
        by_clock = seconds / (60.0 * settings.within_minutes) if settings.within_minutes else 0.0
        return min(1.0, max(by_steps, by_clock))

    @property
    def by_clock(self) -> bool:
        """Whether the clock has a say at all."""
        return self.settings.minutes > 0 or self.settings.within_minutes > 0

    def rate(self, share: float) -> float:
        """The learning rate."""
        settings = self.settings
        if settings.schedule == "step":
            drops = int(share * settings.steps / settings.schedule_steps + 1e-9)
            return settings.learning_rate * settings.schedule_factor**drops
        if share < settings.warm_up:
            # not from 0: Adam's first steps would be lost
            return settings.learning_rate * max(share / settings.warm_up, 0.01)
        falling = (share - settings.warm_up) / max(1.0 - settings.warm_up, 1e-9)
        return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * falling))

    def settled(self, share: float) -> bool:
        """Whether batch normalisation is to use the averages that it gathered."""
        return share * self.settings.steps >= self.settings.steps - self.settings.settle_steps


class Clock:
    """Seconds that a training took, those of earlier runs included."""

    def __init__(self, now: Callable[[], float], earlier: float = 0.0) -> None:
        self._now, self._earlier, self._began = now, earlier, now()

    def restart(self) -> None:
        """Forget the time since this run began, not that of earlier runs."""
        self._began = self._now()

    def add(self, earlier: float) -> None:
        """Count seconds of an earlier run as well."""
        self._earlier += earlier

    @property
    def seconds(self) -> float:
        """Until now."""
        return self._earlier + self._now() - self._began
