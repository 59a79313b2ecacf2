"""Random numbers for a batch: one generator for each image, so that batches can be dealt.

An image that is drawn in another process, or in another portion of the batch, comes out the same.
Small draws are made by NumPy on the host and sent without waiting for the device; fields of noise
are made by torch on the device itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Chosen = npt.NDArray[np.bool_]
"""Which images of a batch (B,), known on the host: a step that none takes costs nothing."""


class Draws:
    """One generator for each of B images; every draw has a first axis of length B."""

    def __init__(
        self,
        hosts: Sequence[np.random.Generator],
        devices: Sequence[torch.Generator],
        device: torch.device,
    ) -> None:
        self._hosts, self._devices, self.device = list(hosts), list(devices), device

    @classmethod
    def seeded(cls, seeds: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Draws:
        """Generators of one seed for each image, such as [seed, step, item]."""
        device = torch.device(device)
        hosts = [np.random.default_rng(seed) for seed in seeds]
        devices = [torch.Generator(device).manual_seed(int(host.integers(2**62))) for host in hosts]
        return cls(hosts, devices, device)

    def __len__(self) -> int:
        """How many images."""
        return len(self._hosts)

    @property
    def hosts(self) -> Sequence[np.random.Generator]:
        """The generators on the host, for what is drawn image by image."""
        return self._hosts

    def only(self, chosen: Chosen) -> Draws:
        """The generators of the images that are ``chosen``."""
        index = np.flatnonzero(chosen)
        return Draws(
            [self._hosts[i] for i in index], [self._devices[i] for i in index], self.device
        )

    def happens(self, share: float) -> Chosen:
        """Which images something happens to, each with the probability ``share``."""
        return np.array([host.random() < share for host in self._hosts], dtype=bool)

    def integers(self, high: int) -> list[int]:
        """A whole number from 0 to ``high`` - 1 for each image, on the host."""
        return [int(host.integers(high)) for host in self._hosts]

    def host_uniform(self, low: float, high: float, *shape: int) -> npt.NDArray[np.float64]:
        """Uniform numbers (B, *shape) on the host."""
        return np.array([host.uniform(low, high, shape) for host in self._hosts])

    def host_normal(self, *shape: int) -> npt.NDArray[np.float64]:
        """Standard normal numbers (B, *shape) on the host."""
        return np.array([host.standard_normal(shape) for host in self._hosts])

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers (B, *shape) on the device; for few numbers."""
        return self.send(self.host_uniform(low, high, *shape))

    def choice(self, values: Sequence[float]) -> Tensor:
        """One of ``values`` for each image, (B,)."""
        return self.send(np.array([values[i] for i in self.integers(len(values))]))

    def noise(self, *shape: int) -> Tensor:
        """Standard normal numbers (B, *shape) made on the device; for many numbers."""
        noise = torch.empty((len(self), *shape), device=self.device)
        for image, generator in zip(noise, self._devices, strict=True):
            image.normal_(generator=generator)
        return noise

    def send(self, values: npt.NDArray[np.generic]) -> Tensor:
        """A host array on the device, float32, without waiting for what the device is doing."""
        tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor

    def index(self, chosen: Chosen) -> Tensor:
        """The numbers of the chosen images on the device, int64."""
        numbers = torch.from_numpy(np.flatnonzero(chosen))
        if self.device.type == "cuda":
            return numbers.pin_memory().to(self.device, non_blocking=True)
        return numbers


def per_image(values: Tensor) -> Tensor:
    """(B,) as (B, 1, 1, 1), to be combined with images (B, z, y, x)."""
    return values.reshape(-1, 1, 1, 1)
