"""A trained network as an ONNX file of fixed shape, probabilities out."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

INPUT, OUTPUT = "image", "probabilities"


class Probabilities(nn.Module):
    """A network whose logits are turned into probabilities, label by label."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """(1, 1, z, y, x) in [-1, 1] to (1, C, z, y, x) in [0, 1]."""
        return torch.sigmoid(self.network(image))


def write_onnx(network: nn.Module, size: int, path: Path) -> None:
    """Write ``network`` for cubes of ``size`` voxels to ``path``, weights inside the file."""
    example = torch.zeros(1, 1, size, size, size)
    torch.onnx.export(
        Probabilities(network).eval(),
        (example,),
        path,
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=18,
        dynamo=True,
        external_data=False,
        optimize=True,
        verbose=False,
    )
