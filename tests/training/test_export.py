from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from export.onnx_model import HALF_TOLERANCE, INPUT, OUTPUT, write_onnx
from training.evaluate.predict import predict
from training.networks import LightUNet, build_network


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(5)
    return LightUNet((8, 16, 16), outputs=2).eval()


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "network.onnx"
    write_onnx(network, 32, path)
    return path


def test_the_exported_network_answers_as_pytorch_does(network, exported):
    session = ort.InferenceSession(exported, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(5).uniform(-1, 1, (32, 32, 32)).astype(np.float32)

    (answer,) = session.run([OUTPUT], {INPUT: image[None, None]})
    original = predict(network, image)

    assert answer.shape == (1, 2, 32, 32, 32)
    assert np.abs(answer[0] - original).max() < 1e-3
    assert np.mean((answer[0] > 0.5) == (original > 0.5)) > 0.9999


def test_the_exported_network_takes_one_fixed_shape_and_holds_its_weights(exported):
    session = ort.InferenceSession(exported, providers=["CPUExecutionProvider"])

    assert session.get_inputs()[0].shape == [1, 1, 32, 32, 32]
    assert [p.name for p in exported.parent.iterdir()] == ["network.onnx"]


def test_the_exported_network_says_nothing_of_the_machine_it_was_made_on(exported):
    content = exported.read_bytes()

    assert Path(__file__).parents[2].as_posix().encode() not in content
    assert b".py" not in content


def test_half_precision_answers_within_the_stated_tolerance_from_a_smaller_file(
    network, exported, tmp_path
):
    half = tmp_path / "half.onnx"
    write_onnx(network, 32, half, half=True)
    session = ort.InferenceSession(half, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(6).uniform(-1, 1, (32, 32, 32)).astype(np.float32)

    (answer,) = session.run([OUTPUT], {INPUT: image[None, None]})

    assert answer.dtype == np.float32
    assert np.abs(answer[0] - predict(network, image)).max() < HALF_TOLERANCE
    assert half.stat().st_size < 0.7 * exported.stat().st_size
    assert next(network.parameters()).dtype == torch.float32


def test_a_network_of_the_paper_can_be_exported_for_frames_that_are_no_cubes(tmp_path):
    torch.manual_seed(7)
    trained = build_network("attention-u-net", (8, 8, 16, 16, 16), 1).eval()
    write_onnx(trained, (18, 20, 17), tmp_path / "network.onnx")
    session = ort.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    image = np.random.default_rng(7).uniform(-1, 1, (18, 20, 17)).astype(np.float32)

    (answer,) = session.run([OUTPUT], {INPUT: image[None, None]})

    assert answer.shape == (1, 1, 18, 20, 17)
    assert np.abs(answer[0] - predict(trained, image)).max() < 1e-3
