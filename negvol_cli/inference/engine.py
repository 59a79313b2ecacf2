"""What a library that runs networks must offer, and how it describes a network's two ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a network: its name, its type as ONNX calls it, and its shape."""

    name: str
    kind: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        return f"{self.name!r} tensor({self.kind}) {list(self.shape)}"


class Engine(Protocol):
    """A network that has been loaded, and can run.

    Attributes
    ----------
    name
        The library and its version, as "OpenVINO 2026.4.1".
    provider
        Where the network really runs, "CPU" or "CUDA".
    inputs, outputs
        What goes in and what comes out.
    """

    name: str
    provider: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def run(self, image: Array, most_seconds: float) -> Array:
        """Return the one output for the one input, (1, 1, z, y, x).

        Raises TimeoutError after ``most_seconds``, and whatever the library raises.
        """
