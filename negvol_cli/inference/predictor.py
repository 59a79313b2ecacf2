"""A network as a callable, which answers with probabilities or says why it cannot."""

from __future__ import annotations

import threading
from typing import Final

import numpy as np

from negvol_cli.bundle.bundle import ModelSpec
from negvol_cli.errors import DeviceError, ModelError
from negvol_cli.inference.engine import Array, Engine, Port
from negvol_cli.inference.one_line import one_line

MOST_SECONDS: Final = 900.0
"""How long a network may run on one image; ``benchmarks/run_cost.py`` prints what ours take, a few
seconds on one core."""
_TOLERANCE: Final = 1e-3
"""How far rounding may take a probability beyond 0 and 1; the tests hold float16 networks to
0.02."""


class Predictor:
    """A network as a callable, from a normalised image to probabilities.

    Raises ModelError where its input or output is not what ``spec`` says.

    Attributes
    ----------
    spec
        What the bundle's manifest says of the network.
    provider
        Where it really runs, "CPU" or "CUDA".
    engine
        What runs it, as "OpenVINO 2026.4.1".
    why_not_gpu
        Why it does not run on the GPU; "" where it does, or where the CPU was requested.
    why_not_openvino
        Why OpenVINO does not run it on the CPU; "" where it does, or where the GPU runs it.
    """

    def __init__(
        self, engine: Engine, spec: ModelSpec, why_not_gpu: str = "", why_not_openvino: str = ""
    ) -> None:
        _check(engine, spec)
        self._engine = engine
        self._alone = threading.Lock()  # a run takes all cores, and most of a scan's memory
        self.spec = spec
        self.provider = engine.provider
        self.engine = engine.name
        self.why_not_gpu = why_not_gpu
        self.why_not_openvino = why_not_openvino

    def __call__(self, image_zyx: Array) -> Array:
        """Return the probabilities (C, z, y, x), in [0, 1], for an image (z, y, x).

        Raises
        ------
        ModelError
            The network does not run, or its output has another shape or is not a probability.
        ValueError
            The image does not have the size that ``spec`` gives.
        """
        if image_zyx.shape != self.spec.size_zyx:
            raise ValueError(f"image is {image_zyx.shape}, the model wants {self.spec.size_zyx}")
        image = np.ascontiguousarray(image_zyx, dtype=np.float32)[None, None]
        try:
            with self._alone:
                answer = self._engine.run(image, MOST_SECONDS)
        except Exception as err:  # the errors of neither library share another base
            kind = ModelError if self.provider == "CPU" else DeviceError
            raise kind(
                f"{self.spec.file} does not run on {self.provider}: {one_line(err)}"
            ) from err
        wanted = (1, len(self.spec.channels), *self.spec.size_zyx)
        if answer.shape != wanted:
            raise ModelError(
                f"{self.spec.file} answers with shape {answer.shape} where the bundle "
                f"promises {wanted}; get the bundle again"
            )
        if not (answer.min() >= -_TOLERANCE and answer.max() <= 1 + _TOLERANCE):  # NaN fails too
            raise ModelError(
                f"{self.spec.file} answers with values from {answer.min():g} to "
                f"{answer.max():g}, which are not probabilities; get the bundle again"
            )
        probabilities: Array = answer[0]
        return probabilities

    def warm_up(self) -> None:
        """Run once on an empty image, because a network can load and still fail to run."""
        self(np.zeros(self.spec.size_zyx, dtype=np.float32))


def _check(engine: Engine, spec: ModelSpec) -> None:
    """Compare the names, types and shapes of input and output with the manifest's."""
    sides = (
        ("input", engine.inputs, spec.input, 1),
        ("output", engine.outputs, spec.output, len(spec.channels)),
    )
    for what, found, name, channels in sides:
        wanted = Port(name, "float", (1, channels, *spec.size_zyx))
        if found != (wanted,):
            raise ModelError(
                f"the {what} of {spec.file} is {', '.join(map(str, found))} where the bundle "
                f"promises {wanted}; get the bundle again"
            )
