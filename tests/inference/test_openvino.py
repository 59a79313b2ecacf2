"""OpenVINO answers as ONNX Runtime does, on any number of threads, and tells nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from negvol_cli.bundle.bundle import ModelSpec, load_bundle
from negvol_cli.errors import ModelError
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu
from negvol_cli.inference import openvino_engine
from negvol_cli.inference.engine import Array
from negvol_cli.inference.gpu import CPU
from negvol_cli.inference.normalise import normalise
from negvol_cli.inference.onnxruntime_engine import OnnxRuntimeEngine
from negvol_cli.inference.openvino_engine import OpenvinoEngine
from negvol_cli.inference.predictor import Predictor
from negvol_cli.inference.session import open_session
from negvol_cli.phantom import PhantomHead, draw_head
from negvol_cli.settings import Device
from negvol_cli.structures import Side
from tests.bundle.tiny import SIZE, SPEC, network
from tests.pipeline.heads import QUIET, grid_about
from tests.robustness.forked import ROOT, environment

pytest.importorskip("onnx", reason="making a small network takes the onnx package")

BUNDLE = load_bundle()


@pytest.fixture(scope="module")
def head() -> PhantomHead:
    return draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)


def seen(head: PhantomHead, spec: ModelSpec) -> Array:
    """What a network of the default bundle sees about a joint of the phantom."""
    ct = head.scan(grid_about(head, spacing_mm=1.0), QUIET, 1)
    centre = tuple(head.condyle_centre_mm(Side.RIGHT))
    frame = JointFrame(Side.RIGHT, centre, spec.spacing_mm, spec.size_zyx[0])
    return normalise(frame_hu(ct, frame), spec.window_hu)


@pytest.mark.parametrize("spec", BUNDLE.segmenters, ids=lambda spec: spec.file)
def test_both_libraries_give_the_same_labels_and_probabilities(
    head: PhantomHead, spec: ModelSpec
) -> None:
    model, image = BUNDLE.read(spec), seen(head, spec)

    found = Predictor(OpenvinoEngine(model, spec, 1), spec)(image)
    other = Predictor(OnnxRuntimeEngine(model, spec, CPU, 1), spec)(image)

    assert (found > 0.5).mean() > 0.01
    np.testing.assert_allclose(found, other, atol=1e-4)
    np.testing.assert_array_equal(found > 0.5, other > 0.5)


@pytest.mark.parametrize("spec", BUNDLE.models, ids=lambda spec: spec.file)
def test_another_number_of_threads_changes_no_bit(head: PhantomHead, spec: ModelSpec) -> None:
    model, image = BUNDLE.read(spec), seen(head, spec)

    one, two, all_of_them = (
        open_session(model, spec, Device.CPU, threads)(image) for threads in (1, 2, None)
    )

    assert one.tobytes() == two.tobytes() == all_of_them.tobytes()


def test_an_answer_stays_what_it_is_when_the_network_runs_again() -> None:
    predict = open_session(network(), SPEC, Device.CPU)
    first = predict(np.zeros((SIZE,) * 3, dtype=np.float32))
    kept = first.copy()

    predict(np.ones((SIZE,) * 3, dtype=np.float32))

    np.testing.assert_array_equal(first, kept)


def test_a_network_computes_in_float32_and_on_the_threads_it_was_given() -> None:
    compiled = OpenvinoEngine(network(), SPEC, 1)._network

    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("ENABLE_CPU_PINNING") is False
    assert compiled.get_property("NUM_STREAMS") == 1


WHERE_THREADS_RUN = """
import os, sys, threading
from pathlib import Path
from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.inference.session import open_session
from negvol_cli.settings import Device
bundle = load_bundle()
(spec,) = bundle.segmenters
predict = open_session(bundle.read(spec), spec, Device.CPU, 2)
running = threading.Thread(target=predict.warm_up)
running.start()
cores = set()
while running.is_alive():
    for task in Path("/proc/self/task").iterdir():
        try:
            cores.add(frozenset(os.sched_getaffinity(int(task.name))))
        except ProcessLookupError:
            pass
    running.join(0.02)
sys.exit(cores != {frozenset(os.sched_getaffinity(0))})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_no_thread_is_bound_to_a_core_while_a_network_runs() -> None:
    probe = [sys.executable, "-c", WHERE_THREADS_RUN]

    assert subprocess.run(probe, cwd=ROOT, env=environment(), check=False).returncode == 0


QUIETLY = """
import os, sys
from pathlib import Path
from tests.robustness.no_network import forbid_sockets
forbid_sockets()
import numpy as np
from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.inference.session import open_session
from negvol_cli.settings import Device
bundle = load_bundle()
(spec,) = bundle.segmenters
predict = open_session(bundle.read(spec), spec, Device.AUTO, 1)
predict.warm_up()
assert predict.engine.startswith("OpenVINO"), predict.why_not_openvino
loaded = {name for name, module in sys.modules.items() if module is not None}
assert not [name for name in loaded if "telemetry" in name or name.startswith("openvino.tools.")]
"""


def test_openvino_is_loaded_and_run_without_its_telemetry_a_socket_or_a_trace(
    tmp_path: Path,
) -> None:
    variables = environment(HOME=str(tmp_path), USERPROFILE=str(tmp_path), TMPDIR=str(tmp_path))
    variables.pop("CI", None)  # telemetry keeps silent where it is set

    ran = subprocess.run(
        [sys.executable, "-c", QUIETLY],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.rglob("*")) == []


def test_the_process_may_still_import_the_converter_and_reports_nothing_then() -> None:
    probe = (
        "import sys; from negvol_cli.inference.openvino_engine import openvino; openvino(); "
        "from openvino.tools.ovc import convert_model; "
        "sys.exit(sys.modules['openvino_telemetry'] is not None)"
    )

    assert subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("found", [None, SimpleNamespace(), ModuleType("openvino")])
def test_onnx_runtime_takes_the_place_of_an_openvino_that_does_not_load(
    monkeypatch: pytest.MonkeyPatch, found: object, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", found)

    predict = open_session(network(), SPEC, Device.CPU)

    assert predict(np.zeros((SIZE,) * 3, dtype=np.float32)).shape == (2, SIZE, SIZE, SIZE)
    assert predict.engine.startswith("ONNX Runtime")
    assert predict.why_not_openvino.startswith("OpenVINO cannot be loaded (")
    assert "pip install" in predict.why_not_openvino
    assert capfd.readouterr() == ("", "")


def test_onnx_runtime_takes_the_place_of_an_openvino_whose_library_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "raise OSError('libtbb.so.12: cannot open shared object file')"
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text(text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "openvino"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModelError, match=r"cannot be loaded \(libtbb\.so\.12: cannot open"):
        openvino_engine.version()
    assert open_session(network(), SPEC, Device.CPU).engine.startswith("ONNX Runtime")


def test_onnx_runtime_takes_the_place_of_an_openvino_that_lacks_its_part_for_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Core:
        def __init__(self) -> None:
            raise RuntimeError("Exception from core.cpp:105:\nCannot load libopenvino_intel_cpu.so")

    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=Core))

    predict = open_session(network(), SPEC, Device.CPU)

    assert predict.engine.startswith("ONNX Runtime")
    assert predict.why_not_openvino == (
        "OpenVINO does not run segmenter.onnx: Cannot load libopenvino_intel_cpu.so"
    )


def wrapped() -> bytes:
    """A network with a kind of padding that ONNX Runtime knows and OpenVINO does not."""
    import onnx

    model = onnx.load_from_string(network())
    model.opset_import[0].version = 19
    pads = onnx.numpy_helper.from_array(np.zeros(10, dtype=np.int64), "pads")
    model.graph.initializer.append(pads)
    model.graph.node[0].input[0] = "around"
    pad = onnx.helper.make_node("Pad", ["image", "pads"], ["around"], mode="wrap")
    model.graph.node.insert(0, pad)
    return bytes(model.SerializeToString())


def test_onnx_runtime_runs_a_network_that_openvino_cannot(
    capfd: pytest.CaptureFixture[str],
) -> None:
    predict = open_session(wrapped(), SPEC, Device.CPU)

    assert predict(np.zeros((SIZE,) * 3, dtype=np.float32)).shape == (2, SIZE, SIZE, SIZE)
    assert predict.engine.startswith("ONNX Runtime")
    assert predict.why_not_openvino.startswith("OpenVINO does not run segmenter.onnx: ")
    assert "wrap" in predict.why_not_openvino
    assert "\n" not in predict.why_not_openvino
    assert capfd.readouterr() == ("", "")


def test_onnx_runtime_runs_a_network_whose_means_openvino_rounds_roughly() -> None:
    spec = BUNDLE.localiser

    predict = open_session(BUNDLE.read(spec), spec, Device.CPU)

    assert predict.engine.startswith("ONNX Runtime")
    assert predict.why_not_openvino == (
        "OpenVINO does not run localiser.onnx: its MVN rounds means over an image roughly"
    )


def test_an_output_of_two_names_is_found_by_either() -> None:
    spec = SPEC.model_copy(update={"channels": ("condyle",)})
    model = network(weights=(0.5,), squash="Identity")

    predict = open_session(model, spec, Device.CPU)

    assert predict.engine.startswith("OpenVINO")
    assert predict.why_not_openvino == ""
