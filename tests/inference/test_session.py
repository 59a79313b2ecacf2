"""A network runs where it says it runs, and only if it is what the bundle says."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from negvol_cli.errors import DeviceError, ModelError
from negvol_cli.inference import gpu, predictor, session
from negvol_cli.inference.engine import Port
from negvol_cli.inference.onnxruntime_engine import OnnxRuntimeEngine
from negvol_cli.inference.session import open_session
from negvol_cli.settings import Device
from tests.bundle.tiny import SIZE, SPEC, network

pytest.importorskip("onnx", reason="making a small network takes the onnx package")


def without_a_node() -> bytes:
    """An ONNX file that is whole, and whose output comes from nowhere."""
    import onnx

    model = onnx.load_from_string(network())
    del model.graph.node[:]
    return bytes(model.SerializeToString())


IMAGE = np.linspace(-1, 1, SIZE**3, dtype=np.float32).reshape(SIZE, SIZE, SIZE)


@pytest.fixture(params=["OpenVINO", "ONNX Runtime"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that runs networks on the CPU: each in turn."""
    if request.param == "ONNX Runtime":
        monkeypatch.setitem(sys.modules, "openvino", None)
    return request.param


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "why_no_gpu", lambda: "there is none")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("device", [Device.CPU, Device.AUTO])
def test_a_network_answers_with_its_probabilities(device: Device, engine: str) -> None:
    predict = open_session(network(), SPEC, device, threads=1)

    probabilities = predict(IMAGE)

    assert predict.engine.startswith(engine)
    assert probabilities.shape == (2, SIZE, SIZE, SIZE)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities[0], 1 / (1 + np.exp(-IMAGE)), atol=1e-6)
    np.testing.assert_allclose(probabilities[1], 1 / (1 + np.exp(IMAGE)), atol=1e-6)


def test_a_network_is_opened_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "ümlaut und space.onnx").write_bytes(network())

    predict = open_session(tmp_path / "ümlaut und space.onnx", SPEC, Device.CPU)

    assert predict(IMAGE).shape == (2, SIZE, SIZE, SIZE)


@pytest.mark.usefixtures("engine")
def test_a_mirrored_view_is_read_in_its_own_order() -> None:
    predict = open_session(network(), SPEC, Device.CPU)

    np.testing.assert_array_equal(predict(IMAGE[..., ::-1]), predict(IMAGE)[..., ::-1])


def test_an_image_of_another_size_is_a_mistake_of_the_caller() -> None:
    predict = open_session(network(), SPEC, Device.CPU)

    with pytest.raises(ValueError, match=r"\(8, 8, 9\)"):
        predict(np.zeros((8, 8, 9), dtype=np.float32))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"names": ("picture", "probabilities")}, "input of .* 'picture' .* promises 'image'"),
        ({"names": ("image", "answer")}, "output of .* 'answer' .* promises 'probabilities'"),
        ({"size": 9}, r"\[1, 1, 9, 9, 9\] .* promises .*\[1, 1, 8, 8, 8\]"),
        ({"weights": (1.0,)}, r"\[1, 1, 8, 8, 8\] .* promises .*\[1, 2, 8, 8, 8\]"),
        ({"dtype": "DOUBLE"}, r"tensor\(double\) .* promises .*tensor\(float\)"),
    ],
)
def test_a_network_that_is_not_what_the_bundle_promises_is_refused(
    model: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        open_session(network(**model), SPEC, Device.CPU)

    assert "segmenter.onnx" in str(caught.value)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("content", [b"", b"not a network", network()[:60], without_a_node()])
def test_what_is_no_network_is_refused(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match=r"segmenter\.onnx is not a usable model") as caught:
        open_session(content, SPEC, Device.CPU)

    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("engine")
def test_values_that_are_no_probabilities_are_refused() -> None:
    predict = open_session(network(weights=(3.0, 1.0), squash="Identity"), SPEC, Device.CPU)

    with pytest.raises(ModelError, match="values from -3 to 3, which are not probabilities"):
        predict(IMAGE)


@pytest.mark.usefixtures("engine")
def test_values_that_are_no_numbers_are_refused() -> None:
    predict = open_session(network(weights=(-3.0, 1.0), squash="Sqrt"), SPEC, Device.CPU)

    with pytest.raises(ModelError, match="nan"):
        predict(np.ones_like(IMAGE))


def test_the_cpu_never_touches_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "why_no_gpu", lambda: pytest.fail("asked for the GPU"))

    predict = open_session(network(), SPEC, Device.CPU)

    assert predict.provider == "CPU"
    assert predict.why_not_gpu == ""


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_and_says_why() -> None:
    predict = open_session(network(), SPEC, Device.AUTO)

    assert predict.provider == "CPU"
    assert predict.why_not_gpu == "there is none"


@pytest.mark.usefixtures("no_gpu")
def test_gpu_fails_where_there_is_none() -> None:
    with pytest.raises(DeviceError, match="the GPU cannot be used: there is none") as caught:
        open_session(network(), SPEC, Device.GPU)

    assert caught.value.exit_code == 4


class StartsAndFails:
    """A network on the GPU that starts, and fails at its first run."""

    name, provider = "ONNX Runtime 1", "CUDA"
    inputs = (Port("image", "float", (1, 1, SIZE, SIZE, SIZE)),)
    outputs = (Port("probabilities", "float", (1, 2, SIZE, SIZE, SIZE)),)

    def run(self, *_: object) -> None:
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory")


@pytest.fixture
def broken_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(model: bytes, spec: Any, provider: str, threads: int | None) -> Any:
        if provider == gpu.CUDA:
            return StartsAndFails()
        return OnnxRuntimeEngine(model, spec, provider, threads)

    monkeypatch.setattr(session, "why_no_gpu", lambda: "")
    monkeypatch.setattr(session, "OnnxRuntimeEngine", start)


@pytest.mark.usefixtures("broken_gpu")
def test_auto_leaves_a_gpu_that_starts_and_cannot_run() -> None:
    predict = open_session(network(), SPEC, Device.AUTO)

    assert predict.provider == "CPU"
    assert "out of memory" in predict.why_not_gpu
    assert predict(IMAGE).shape == (2, SIZE, SIZE, SIZE)


@pytest.mark.usefixtures("broken_gpu")
def test_gpu_fails_where_the_gpu_starts_and_cannot_run() -> None:
    with pytest.raises(DeviceError, match="out of memory"):
        open_session(network(), SPEC, Device.GPU)


@pytest.fixture
def pretended_driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose driver shows a GPU; CUDA's own libraries are as they really are here."""
    if not gpu._driver_trouble():
        pytest.skip("this machine has a GPU, so that nothing is missing")
    monkeypatch.setattr(gpu, "_driver_trouble", lambda: "")
    gpu.why_no_gpu.cache_clear()
    yield
    gpu.why_no_gpu.cache_clear()


@pytest.mark.usefixtures("pretended_driver")
def test_auto_says_in_one_line_what_keeps_cuda_from_starting(
    capfd: pytest.CaptureFixture[str],
) -> None:
    predict = open_session(network(), SPEC, Device.AUTO)

    assert predict.provider == "CPU"
    assert predict.why_not_gpu
    assert "without a reason" not in predict.why_not_gpu
    assert "\n" not in predict.why_not_gpu
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        (
            "\x1b[1;31m2026-01-02 03:04:05.6 [E:onnxruntime:Default, provider_bridge_ort.cc:2458 "
            "operator()] /src/provider_bridge_ort.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : "
            "Failed to load library /x/libonnxruntime_providers_cuda.so with error: "
            "libcudnn.so.9: cannot open shared object file: No such file or directory\n\x1b[m\n"
            "2026-01-02 03:04:05.7 [W:onnxruntime:Default, x.cc:1] Failed to create CUDA",
            "a library of CUDA cannot be loaded: libcudnn.so.9: cannot open shared object file: "
            "No such file or directory (pip install 'negvol[cuda]')",
        ),
        (
            "2026-01-02 03:04:05.6 [E:onnxruntime:Default, x.cc:1] [ONNXRuntimeError] : 1 : FAIL : "
            "CUDA failure 35: driver version is insufficient",
            "1 : FAIL : CUDA failure 35: driver version is insufficient",
        ),
        ("", "ONNX Runtime fell back to the CPU without a reason"),
    ],
)
def test_the_reason_is_taken_out_of_what_onnx_runtime_logs(logged: str, reason: str) -> None:
    assert gpu.fallback_reason(logged.splitlines()) == reason


def test_the_number_of_threads_reaches_onnx_runtime() -> None:
    engine = OnnxRuntimeEngine(network(), SPEC, gpu.CPU, 1)

    assert engine._session.get_session_options().intra_op_num_threads == 1


@pytest.fixture
def a_driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with a driver and a GPU, where ONNX Runtime is half removed."""
    monkeypatch.setattr(gpu, "_driver_trouble", lambda: "")
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    gpu.why_no_gpu.cache_clear()
    yield
    gpu.why_no_gpu.cache_clear()


@pytest.mark.usefixtures("a_driver")
def test_an_onnx_runtime_that_does_not_load_is_said_with_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"cannot be loaded .* then install one of them"):
        open_session(network(), SPEC, Device.AUTO)


def in_a_ring() -> bytes:
    """Two operators that each wait for the other."""
    return with_nodes(("Add", ["image", "b"], "a"), ("Sigmoid", ["a"], "b"))


def without_an_input() -> bytes:
    return with_nodes(("Mul", ["image"], "probabilities"))


def with_nodes(*nodes: tuple[str, list[str], str]) -> bytes:
    """The usual network with these operators, their inputs and outputs, in place of its own."""
    import onnx

    model = onnx.load_from_string(network())
    del model.graph.node[:]
    model.graph.node.extend(onnx.helper.make_node(kind, takes, [to]) for kind, takes, to in nodes)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("make", [in_a_ring, without_an_input])
def test_what_openvino_would_crash_on_or_never_end_with_does_not_reach_it(
    make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "OpenvinoEngine", lambda *_: pytest.fail("reached"))

    with pytest.raises(ModelError, match=r"segmenter\.onnx is not a usable model"):
        open_session(make(), SPEC, Device.CPU)


def test_warming_up_runs_the_network(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    predict = open_session(network(weights=(0.5, 1.0)), SPEC, Device.CPU)
    predict.warm_up()

    def fails(*_: object) -> None:
        raise RuntimeError(f"{engine} is out of memory")

    monkeypatch.setattr(predict._engine, "run", fails)
    with pytest.raises(ModelError, match=f"does not run on CPU: {engine} is out of memory"):
        predict.warm_up()


SLOW = 96
SLOW_SPEC = SPEC.model_copy(update={"size_zyx": (SLOW,) * 3, "channels": ("condyle",)})
SLOW_IMAGE = np.zeros((SLOW,) * 3, dtype=np.float32)


def slow_network(depth: int = 100) -> bytes:
    """Convolutions of 16 channels, one after the other: more than 10¹² operations."""
    from onnx import TensorProto, helper, numpy_helper

    channels = [1, *[16] * depth, 1]
    names = ["image", *(f"x{n}" for n in range(depth)), "probabilities"]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, SLOW, SLOW, SLOW])
        for name in (names[0], names[-1])
    ]
    weights = {
        f"w{many}_{into}": np.zeros((into, many, 3, 3, 3), dtype=np.float32)
        for many, into in pairwise(channels)
    }
    nodes = [
        helper.make_node("Conv", [a, f"w{many}_{into}"], [b], pads=[1] * 6)
        for (a, b), (many, into) in zip(pairwise(names), pairwise(channels), strict=True)
    ]
    given = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "slow", ports[:1], ports[1:], given)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


@pytest.mark.usefixtures("engine")
def test_a_network_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "MOST_SECONDS", 0.2)
    predict = open_session(slow_network(), SLOW_SPEC, Device.CPU, threads=1)

    start = time.monotonic()
    with pytest.raises(ModelError, match=r"does not run on CPU: stopped after 0\.2 s"):
        predict(SLOW_IMAGE)

    assert time.monotonic() - start < 10


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, which a worker of pytest-xdist does not hear."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_stops_a_network_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = open_session(slow_network(), SLOW_SPEC, Device.CPU, threads=1)

    threading.Timer(0.3, _thread.interrupt_main).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        predict(SLOW_IMAGE)

    assert time.monotonic() - start < 10
    monkeypatch.setattr(predictor, "MOST_SECONDS", 0.2)
    with pytest.raises(ModelError, match="stopped after"):  # and another run can begin
        predict(SLOW_IMAGE)
