"""Stopping a training when the validation heads no longer gain by it."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn


class Stopper:
    """Remembers the best look at the validation heads, and the weights that gave it.

    After ``patience`` looks in a row that did not lower the loss by more than ``delta``,
    ``stopped`` is true. Its whole state goes into the checkpoint.
    """

    def __init__(self, patience: int, delta: float) -> None:
        self.patience, self.delta = patience, delta
        self.best = math.inf
        self.since = 0
        self.weights: dict[str, Tensor] | None = None

    @property
    def stopped(self) -> bool:
        """Whether patience is at its end."""
        return self.patience > 0 and self.since >= self.patience

    def look(self, loss: float, network: nn.Module) -> None:
        """Take note of a loss of ``network`` on the validation heads."""
        if loss < self.best - self.delta:
            self.best, self.since = loss, 0
            self.weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        else:
            self.since += 1

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self.best, "since": self.since, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.best, self.since, self.weights = state["best"], state["since"], state["weights"]
