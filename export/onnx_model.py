"""A trained network as an ONNX file of fixed shape, probabilities out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Final

import onnx
import torch
from torch import Tensor, nn

from training.config import Size

INPUT, OUTPUT = "image", "probabilities"
HALF_TOLERANCE: Final = 0.02
"""How far a probability in half precision may lie from the one in single precision."""


class Probabilities(nn.Module):
    """A network whose logits are turned into probabilities, label by label.

    With ``half`` it computes in float16, from and to float32 images.
    """

    def __init__(self, network: nn.Module, *, half: bool = False) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).half() if half else network
        self.half_precision = half

    def forward(self, image: Tensor) -> Tensor:
        """(1, 1, z, y, x) in [-1, 1] to (1, C, z, y, x) in [0, 1]."""
        if self.half_precision:
            return torch.sigmoid(self.network(image.half()).float())
        return torch.sigmoid(self.network(image))


def write_onnx(network: nn.Module, size: int | Size, path: Path, *, half: bool = False) -> None:
    """Write ``network`` for images of ``size`` voxels to ``path``, weights inside the file.

    ``size`` is [z, y, x] or the side of a cube. ``half`` makes a file of half the size for GPUs:
    weights and features in float16, image and probabilities in float32 as without.
    """
    shape = (size,) * 3 if isinstance(size, int) else size
    program = torch.onnx.export(
        Probabilities(network, half=half).eval(),
        (torch.zeros(1, 1, *shape),),
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=18,
        dynamo=True,
        optimize=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("the exporter gave no program")
    model = program.model_proto
    _forget_where_it_was_made(model.graph)
    del model.metadata_props[:]
    onnx.save(model, path)


def _forget_where_it_was_made(graph: onnx.GraphProto) -> None:
    """Remove what the exporter noted of its source: stack traces with this machine's paths."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]
