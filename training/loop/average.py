"""The moving average of a network's weights, which becomes the finished network."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential averages of weights and of what batch normalisation gathered.

    The decay rises with the steps, n / (n + 1), up to its own value, so that the first weights are
    soon forgotten. A decay of 0 keeps the last weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = copy.deepcopy(network).requires_grad_(requires_grad=False).eval()

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` steps, counted from 1."""
        decay = min(self.decay, step / (step + 1))
        pairs = list(
            zip(self.module.state_dict().values(), network.state_dict().values(), strict=True)
        )
        floating = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([a for a, _ in floating], [b for _, b in floating], 1.0 - decay)
        for averaged, counted in pairs:
            if not averaged.is_floating_point():
                averaged.copy_(counted)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return self.module.state_dict()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from ``state_dict``."""
        self.module.load_state_dict(state)
