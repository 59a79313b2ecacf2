"""Networks in ONNX Runtime: on the GPU, and on the CPU where OpenVINO cannot run them."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final

from negvol_cli.bundle.bundle import ModelSpec
from negvol_cli.errors import DeviceError, ModelError
from negvol_cli.inference.engine import Array, Port
from negvol_cli.inference.gpu import CPU, CUDA, CUDA_OPTIONS, captured_stderr, fallback_reason
from negvol_cli.inference.one_line import one_line
from negvol_cli.inference.runtime import runtime

_ERRORS_ONLY: Final = 3


class OnnxRuntimeEngine:
    """A network in a session of ONNX Runtime on ``provider`` (as it calls it) and nothing else.

    ``threads`` are the CPU's (None: all cores).

    Raises
    ------
    DeviceError
        CUDA does not start.
    ModelError
        The model is unusable, or ONNX Runtime cannot be loaded.
    """

    def __init__(self, model: bytes, spec: ModelSpec, provider: str, threads: int | None) -> None:
        self._session = _session(model, spec, provider, _options(threads))
        self.name = f"ONNX Runtime {runtime().__version__}"
        self.provider = provider.removesuffix("ExecutionProvider")
        self.inputs = _ports(self._session.get_inputs())
        self.outputs = _ports(self._session.get_outputs())

    def run(self, image: Array, most_seconds: float) -> Array:
        """Return the one output. Raises TimeoutError after ``most_seconds``."""
        options = runtime().RunOptions()
        timer = threading.Timer(most_seconds, partial(setattr, options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            answer: Array
            (answer,) = self._session.run(
                [self.outputs[0].name], {self.inputs[0].name: image}, options
            )
        except Exception as err:
            if options.terminate:
                raise TimeoutError(f"stopped after {most_seconds:g} s") from err
            raise
        finally:
            timer.cancel()
        return answer


def refuse_unsound(model: bytes, spec: ModelSpec) -> None:
    """Raise ModelError where the network is not whole, or its operators do not fit together."""
    options = _options(1)
    options.graph_optimization_level = runtime().GraphOptimizationLevel.ORT_DISABLE_ALL
    # or it would keep the weights a second time, in another order
    options.add_session_config_entry("session.disable_prepacking", "1")
    _session(model, spec, CPU, options)


def _options(threads: int | None) -> Any:
    ort = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.enable_cpu_mem_arena = False  # as quick, and memory goes back after each run
    ort.set_default_logger_severity(_ERRORS_ONLY)
    # a thread that waits for the next run busily takes a core from everything between the runs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    return options


def _session(model: bytes, spec: ModelSpec, provider: str, options: Any) -> Any:
    on_gpu = provider == CUDA
    capture: AbstractContextManager[list[str]] = captured_stderr() if on_gpu else nullcontext([])
    try:
        with capture as lines:
            session = runtime().InferenceSession(
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
    return session


def _ports(ports: list[Any]) -> tuple[Port, ...]:
    return tuple(
        Port(port.name, port.type.removeprefix("tensor(").removesuffix(")"), tuple(port.shape))
        for port in ports
    )
