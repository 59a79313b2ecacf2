"""Seconds, computing time and peak memory of each step of a run, for ``run.json``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from negvol_cli.memory import peak_memory_mb


@dataclass(frozen=True, slots=True)
class StepCost:
    """The cost of a step; ``peak_mb`` is the most memory the process had held by its end, MiB.

    ``cpu_seconds`` is what the step's own thread computed, and so all of it where there is one.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_mb: float | None


class Stopwatch:
    """A clock for named steps; a name used again (the second joint) is added up.

    Steps of several threads may overlap, and then add up to more than the time that went by.
    """

    def __init__(self) -> None:
        self._begun: dict[str, None] = {}
        self._costs: dict[str, StepCost] = {}
        self._lock = threading.Lock()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the body as one step, also if it fails."""
        with self._lock:
            self._begun.setdefault(name)
        start, cpu_start = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            seconds, cpu = time.perf_counter() - start, time.thread_time() - cpu_start
            with self._lock:
                if (before := self._costs.get(name)) is not None:
                    seconds, cpu = seconds + before.seconds, cpu + before.cpu_seconds
                self._costs[name] = StepCost(name, seconds, cpu, peak_memory_mb())

    @property
    def costs(self) -> tuple[StepCost, ...]:
        """The steps that ended, in the order in which they first began.

        Of two that run at once now the one ends first, now the other.
        """
        with self._lock:
            return tuple(self._costs[name] for name in self._begun if name in self._costs)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the steps as ``run.json`` holds them."""
        return [asdict(cost) for cost in self.costs]
