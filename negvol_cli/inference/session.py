"""A network that runs in ONNX Runtime, on the GPU where it really works, otherwise on the CPU."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.bundle.bundle import ModelSpec
from negvol_cli.bundle.network_check import check_network
from negvol_cli.errors import DeviceError, ModelError
from negvol_cli.inference.gpu import (
    CPU,
    CUDA,
    CUDA_OPTIONS,
    captured_stderr,
    fallback_reason,
    why_no_gpu,
)
from negvol_cli.inference.runtime import one_line, runtime
from negvol_cli.settings import Device

Array = npt.NDArray[np.float32]

_ERRORS_ONLY: Final = 3
MOST_SECONDS: Final = 900.0
"""How long a network may run on one image; ``benchmarks/run_cost.py`` prints what ours take, a few
seconds on one core."""
_TOLERANCE: Final = 1e-3
"""How far rounding may take a probability beyond 0 and 1; the tests hold float16 networks to
0.02."""


class Predictor:
    """A network as a callable, from a normalised image to probabilities.

    Attributes
    ----------
    spec
        What the bundle's manifest says of the network.
    provider
        Where it really runs, "CPU" or "CUDA".
    why_not_gpu
        Why it does not run on the GPU; "" where it does, or where the CPU was requested.
    """

    def __init__(self, session: Any, spec: ModelSpec, why_not_gpu: str = "") -> None:
        self._session = session
        self._alone = threading.Lock()  # a run takes all cores, and most of a scan's memory
        self.spec = spec
        self.provider = session.get_providers()[0].removesuffix("ExecutionProvider")
        self.why_not_gpu = why_not_gpu

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
        feed = {self.spec.input: np.ascontiguousarray(image_zyx, dtype=np.float32)[None, None]}
        try:
            with self._alone:
                (answer,) = self._run(feed)
        except Exception as err:  # ONNX Runtime's errors share no other base
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

    def _run(self, feed: dict[str, Array]) -> Any:
        """The session's outputs. Raises ModelError where it takes longer than any network does."""
        options = runtime().RunOptions()
        timer = threading.Timer(MOST_SECONDS, partial(setattr, options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            return self._session.run([self.spec.output], feed, options)
        except Exception as err:
            if options.terminate:
                raise TimeoutError(f"stopped after {MOST_SECONDS:g} s") from err
            raise
        finally:
            timer.cancel()

    def warm_up(self) -> None:
        """Run once on an empty image, because a session can start and still fail to run."""
        self(np.zeros(self.spec.size_zyx, dtype=np.float32))


def open_session(
    model: bytes | Path,
    spec: ModelSpec,
    device: Device = Device.AUTO,
    threads: int | None = None,
) -> Predictor:
    """Load a network for ``device``, with ``threads`` CPU threads (None: all cores).

    ``auto`` takes the GPU if a warm-up run succeeds there, otherwise the CPU, with the reason in
    ``why_not_gpu``.

    Raises
    ------
    DeviceError
        ``gpu`` was requested and cannot really run the network.
    ModelError
        The model is unusable, or is not what ``spec`` says.
    """
    if isinstance(model, Path):
        model = model.read_bytes()
    check_network(model, spec.file)
    if device is Device.CPU:
        return _start(model, spec, CPU, threads)
    try:
        if reason := why_no_gpu():
            raise DeviceError(reason)
        predictor = _start(model, spec, CUDA, threads)
        predictor.warm_up()
    except DeviceError as err:
        if device is Device.GPU:
            raise DeviceError(f"the GPU cannot be used: {err}; try --device auto") from err
        return Predictor(_start(model, spec, CPU, threads)._session, spec, str(err))
    return predictor


def _start(model: bytes, spec: ModelSpec, provider: str, threads: int | None) -> Predictor:
    """A session on ``provider`` and nothing else, checked against ``spec``."""
    ort = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.enable_cpu_mem_arena = False  # as quick, and memory goes back after each run
    ort.set_default_logger_severity(_ERRORS_ONLY)
    # a thread that waits for the next run busily takes a core from everything between the runs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    on_gpu = provider == CUDA
    capture: AbstractContextManager[list[str]] = captured_stderr() if on_gpu else nullcontext([])
    try:
        with capture as lines:
            session = ort.InferenceSession(
                model,
                options,
                providers=[(provider, CUDA_OPTIONS if on_gpu else {})],
                enable_fallback=0,
            )
    except Exception as err:  # ONNX Runtime's errors share no other base
        if on_gpu:
            raise DeviceError(one_line(err)) from err
        raise ModelError(
            f"{spec.file} is not a usable model ({one_line(err)}); get the bundle again"
        ) from err
    if session.get_providers()[0] != provider:
        raise DeviceError(fallback_reason(lines))
    _check(session, spec)
    return Predictor(session, spec)


def _check(session: Any, spec: ModelSpec) -> None:
    """Compare the names, types and shapes of input and output with the manifest's."""
    sides = (
        ("input", session.get_inputs(), spec.input, 1),
        ("output", session.get_outputs(), spec.output, len(spec.channels)),
    )
    for what, ports, name, channels in sides:
        found = [(port.name, port.type, list(port.shape)) for port in ports]
        wanted = (name, "tensor(float)", [1, channels, *spec.size_zyx])
        if found != [wanted]:
            raise ModelError(
                f"the {what} of {spec.file} is {_ports(found)} where the bundle promises "
                f"{_ports([wanted])}; get the bundle again"
            )


def _ports(ports: list[tuple[str, str, list[Any]]]) -> str:
    return ", ".join(f"{name!r} {kind} {shape}" for name, kind, shape in ports)
