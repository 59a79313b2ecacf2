"""Seconds and peak memory of each step of a run, for ``run.json``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from negvol_cli.memory import peak_memory_mb


@dataclass(frozen=True, slots=True)
class StepCost:
    """The cost of a step; ``peak_mb`` is the most memory the process had held by its end, MiB."""

    name: str
    seconds: float
    peak_mb: float | None


class Stopwatch:
    """A clock for named steps; a name used again (the second joint) is added up."""

    def __init__(self) -> None:
        self._costs: dict[str, StepCost] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body as one step, also if it fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            if name in self._costs:
                seconds += self._costs[name].seconds
            self._costs[name] = StepCost(name, seconds, peak_memory_mb())

    @property
    def costs(self) -> tuple[StepCost, ...]:
        """The steps in the order in which they first ended."""
        return tuple(self._costs.values())

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the steps as ``run.json`` holds them."""
        return [asdict(cost) for cost in self.costs]
