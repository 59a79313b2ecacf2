import numpy as np
import onnxruntime as ort
import pytest
import torch

from export.onnx_model import INPUT, OUTPUT, write_onnx
from training.evaluate import predict
from training.networks import LightUNet


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(5)
    return LightUNet((8, 16, 16), outputs=2).eval()


def test_the_exported_network_answers_as_pytorch_does(network, tmp_path):
    path = tmp_path / "network.onnx"
    write_onnx(network, 32, path)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(5).uniform(-1, 1, (32, 32, 32)).astype(np.float32)

    (exported,) = session.run([OUTPUT], {INPUT: image[None, None]})
    original = predict(network, image)

    assert exported.shape == (1, 2, 32, 32, 32)
    assert np.abs(exported[0] - original).max() < 1e-3
    assert np.mean((exported[0] > 0.5) == (original > 0.5)) > 0.9999


def test_the_exported_network_takes_one_fixed_shape_and_holds_its_weights(network, tmp_path):
    path = tmp_path / "network.onnx"
    write_onnx(network, 32, path)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])

    assert session.get_inputs()[0].shape == [1, 1, 32, 32, 32]
    assert [p.name for p in tmp_path.iterdir()] == ["network.onnx"]
