"""Networks in OpenVINO: on the CPU, in two thirds of ONNX Runtime's time.

It convolves directly where ONNX Runtime first unfolds every 3D image into a matrix.
"""

from __future__ import annotations

import contextlib
import sys
import time
from types import ModuleType
from typing import Any, Final, cast

from negvol_cli.bundle.bundle import ModelSpec
from negvol_cli.errors import ModelError
from negvol_cli.inference.engine import Array, Port
from negvol_cli.inference.one_line import one_line
from negvol_cli.inference.rewriting import quicken
from negvol_cli.threads import cores

_REPORTING: Final = "openvino_telemetry"
_CONVERTER: Final = "openvino.tools.ovc"
_NOT_THERE: Final = cast(ModuleType, None)
"""What ``sys.modules`` holds of a module whose import is to fail."""

_ROUGHLY_SUMMED: Final = frozenset({"MVN", "GroupNormalization"})
"""Operators whose means over an image OpenVINO rounds more than ONNX Runtime, and by the number of
threads: of the default localiser, which has ``MVN``, probabilities are off by up to 1.6e-4 on one
thread and 4e-5 on two, and in ONNX Runtime by 2.5e-5 on any number."""

_KINDS: Final = {"f16": "float16", "f32": "float", "f64": "double"}
"""ONNX's names of OpenVINO's types, of those that a network might have instead of the right one."""

_LOOK_MS: Final = 100
"""How often Python may look for Ctrl-C meanwhile."""


def openvino() -> Any:
    """Import OpenVINO without its telemetry.

    On import it loads its model converter, which reports that to Google Analytics and keeps an
    identifier in the home folder, where ``openvino-telemetry`` is installed: its wheel asks for it.
    Without that package nothing reports, in this process for good.

    Raises ModelError where OpenVINO is missing or does not load.
    """
    sys.modules.setdefault(_REPORTING, _NOT_THERE)
    sys.modules.setdefault(_CONVERTER, _NOT_THERE)  # 0.04 s, and nothing here converts
    try:
        import openvino

        openvino.Core  # noqa: B018 - half removed, it is importable and empty
    except (ImportError, AttributeError, OSError) as err:
        raise ModelError(
            f"OpenVINO cannot be loaded ({one_line(err)}); install it again: "
            "pip install --force-reinstall openvino"
        ) from err
    finally:
        if sys.modules.get(_CONVERTER) is None:
            sys.modules.pop(_CONVERTER, None)
    return openvino


def version() -> str:
    """Return OpenVINO's version, as "2026.4.1". Raises ModelError where it does not load."""
    return str(openvino().__version__).partition("-")[0]


def operators() -> Any:
    """OpenVINO's operators, of which networks are written; before 2025 they lay elsewhere in it."""
    library = openvino()
    return (library if hasattr(library, "opset13") else library.runtime).opset13


class OpenvinoEngine:
    """A network compiled by OpenVINO for this CPU, with ``threads`` threads (None: all cores).

    Raises ModelError where OpenVINO cannot be loaded, or cannot run the network well.
    """

    provider = "CPU"

    def __init__(self, model: bytes, spec: ModelSpec, threads: int | None) -> None:
        library = openvino()
        try:
            core = library.Core()
            read = core.read_model(model)
            if rough := {operator.get_type_name() for operator in read.get_ops()} & _ROUGHLY_SUMMED:
                raise ModelError(f"its {' and '.join(rough)} rounds means over an image roughly")
            self.inputs = tuple(_port(port, spec.input) for port in read.inputs)
            self.outputs = tuple(_port(port, spec.output) for port in read.outputs)
            quicken(read, operators())
            self._network = core.compile_model(read, "CPU", _settings(threads))
        except Exception as err:  # OpenVINO's errors share no other base
            raise ModelError(f"OpenVINO does not run {spec.file}: {one_line(err)}") from err
        self.name = f"OpenVINO {version()}"

    def run(self, image: Array, most_seconds: float) -> Array:
        """Return the one output. Raises TimeoutError after ``most_seconds``."""
        end = time.monotonic() + most_seconds
        request = self._network.create_infer_request()
        try:
            request.start_async([image], share_inputs=True)
            while not request.wait_for(_LOOK_MS):
                if time.monotonic() > end:
                    raise TimeoutError(f"stopped after {most_seconds:g} s")
        except BaseException:  # Ctrl-C too: the image must not go while the network reads it
            request.cancel()
            with contextlib.suppress(RuntimeError):
                request.wait()
            raise
        answer: Array = request.get_output_tensor().data
        self._network.release_memory()  # it would keep what lies between the layers
        return answer


def _settings(threads: int | None) -> dict[str, Any]:
    """How OpenVINO is to run a network."""
    return {
        "PERFORMANCE_HINT": "LATENCY",  # one image at a time, on all threads, one to a real core
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads or cores(),
        # where a CPU has AMX, it would compute in bfloat16, and change 0.07 % of the labels
        "INFERENCE_PRECISION_HINT": "f32",
        # else the threads of two processes share the first core, and the last has none
        "ENABLE_CPU_PINNING": False,
    }


def _port(port: Any, wanted: str) -> Port:
    """Describe an input or output; one may have several names, among them the ``wanted``."""
    names = port.get_names()
    kind = port.get_element_type().get_type_name()
    shape = tuple(n.get_length() if n.is_static else None for n in port.get_partial_shape())
    name = wanted if wanted in names else ", ".join(sorted(names))
    return Port(name, _KINDS.get(kind, kind), shape)
