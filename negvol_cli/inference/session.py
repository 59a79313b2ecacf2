"""Which library runs a network: ONNX Runtime where a GPU really works, otherwise OpenVINO.

Where OpenVINO cannot, ONNX Runtime runs it on the CPU too: as well, and more slowly.
"""

from __future__ import annotations

from pathlib import Path

from negvol_cli.bundle.bundle import ModelSpec
from negvol_cli.bundle.network_check import check_network
from negvol_cli.errors import DeviceError, ModelError
from negvol_cli.inference.engine import Engine
from negvol_cli.inference.gpu import CPU, CUDA, why_no_gpu
from negvol_cli.inference.onnxruntime_engine import OnnxRuntimeEngine, refuse_unsound
from negvol_cli.inference.openvino_engine import OpenvinoEngine
from negvol_cli.inference.predictor import Predictor
from negvol_cli.settings import Device


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
        return _on_cpu(model, spec, threads)
    try:
        if reason := why_no_gpu():
            raise DeviceError(reason)
        predictor = Predictor(OnnxRuntimeEngine(model, spec, CUDA, threads), spec)
        predictor.warm_up()
    except DeviceError as err:
        if device is Device.GPU:
            raise DeviceError(f"the GPU cannot be used: {err}; try --device auto") from err
        return _on_cpu(model, spec, threads, str(err))
    return predictor


def _on_cpu(model: bytes, spec: ModelSpec, threads: int | None, why_not_gpu: str = "") -> Predictor:
    # OpenVINO may crash on, or never end with, what ONNX Runtime refuses in 0.03 s
    refuse_unsound(model, spec)
    engine: Engine
    try:
        engine, why = OpenvinoEngine(model, spec, threads), ""
    except ModelError as err:
        engine, why = OnnxRuntimeEngine(model, spec, CPU, threads), str(err)
    return Predictor(engine, spec, why_not_gpu, why)
