"""Losses and time since the last entry, without waiting for the device at every step."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from training.loop.progress import Progress


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: on the host's clock, or in the order of what a GPU was asked to do."""

    host: float
    event: torch.cuda.Event | None

    @classmethod
    def now(cls, device: torch.device) -> Mark:
        """This moment."""
        if device.type != "cuda":
            return cls(time.monotonic(), None)
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return cls(time.monotonic(), event)

    def until(self, later: Mark) -> float:
        """Seconds to ``later``; waits until a GPU has come there."""
        if self.event is None or later.event is None:
            return later.host - self.host
        later.event.synchronize()
        return float(self.event.elapsed_time(later.event)) / 1000.0


class Spent:
    """What happened since the last entry."""

    def __init__(self, device: torch.device, validation: float = float("nan")) -> None:
        self.device, self.validation = device, validation
        self.losses: list[Tensor] = []
        self._began = time.monotonic()
        self._portions: list[tuple[Mark, Mark, Mark]] = []

    def portion(self, start: Mark, drawn: Mark) -> None:
        """A portion of a batch was drawn from ``start`` to ``drawn``, and is now learnt from."""
        self._portions.append((start, drawn, Mark.now(self.device)))

    def first_broken(self) -> int | None:
        """The index of the first loss that is not a finite number; None where all are."""
        broken = ~torch.isfinite(torch.stack(self.losses))
        return int(broken.nonzero()[0]) if bool(broken.any()) else None

    def loss(self) -> float:
        """The mean loss."""
        return float(torch.stack(self.losses).double().mean())

    def progress(self, step: int, share: float, loss: float, rate: float, batch: int) -> Progress:
        """What to write down at ``step``."""
        drawing = sum(start.until(drawn) for start, drawn, _ in self._portions)
        everything = sum(start.until(end) for start, _, end in self._portions)
        seconds = (time.monotonic() - self._began) / len(self.losses)
        return Progress(
            step=step,
            share=share,
            loss=loss,
            validation=self.validation,
            learning_rate=rate,
            drawing=drawing / everything,
            frames_per_second=batch / seconds,
            seconds_per_step=seconds,
        )
