"""A convolution computed by blocks of voxels gives what it gave, and only where it is quicker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.inference.blocks import compute_by_blocks
from negvol_cli.inference.openvino_engine import openvino, operators

ov = openvino()
ops = operators()
RNG = np.random.default_rng(5)


def convolution(
    *,
    outputs: int = 2,
    kernel: int = 3,
    size: tuple[int, int, int] = (6, 8, 4),
    stride: int = 1,
    pad: int = 1,
) -> Any:
    """A network of one 3D convolution of three channels."""
    image = ops.parameter([1, 3, *size], np.float32)
    weights = RNG.standard_normal((outputs, 3, *[kernel] * 3), dtype=np.float32)
    found = ops.convolution(
        image, ops.constant(weights), [stride] * 3, [pad] * 3, [pad] * 3, [1] * 3
    )
    return ov.Model([found], [image])


def answer(network: Any, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled([image])[0])


@pytest.mark.parametrize("outputs", [1, 2])
def test_by_blocks_every_voxel_is_what_it_was(outputs: int) -> None:
    network = convolution(outputs=outputs)
    image = RNG.standard_normal((1, 3, 6, 8, 4), dtype=np.float32)
    before = answer(network, image)

    assert compute_by_blocks(network, ops) == 1

    assert "DepthToSpace" in {operator.get_type_name() for operator in network.get_ops()}
    after = answer(network, image)
    assert after.shape == before.shape == (1, outputs, 6, 8, 4)
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        {"outputs": 3},
        {"kernel": 1, "pad": 0},
        {"size": (6, 7, 4)},
        {"stride": 2},
        {"pad": 0},
        {"pad": 2},
    ],
    ids=str,
)
def test_other_convolutions_stay_as_they_are(other: dict[str, Any]) -> None:
    network = convolution(**other)
    operators = len(network.get_ops())

    assert compute_by_blocks(network, ops) == 0
    assert len(network.get_ops()) == operators


def test_the_default_segmenter_ends_in_such_a_convolution() -> None:
    bundle = load_bundle()
    (spec,) = bundle.segmenters

    assert compute_by_blocks(ov.Core().read_model(bundle.read(spec)), ops) == 1
