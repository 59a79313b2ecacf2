"""3D convolutions that give few channels, computed for a block of 2³ voxels at once.

OpenVINO fills a register of a CPU, which holds up to 16 numbers, with the channels that a
convolution gives: where these are two labels, most of it stays empty. With a stride of two voxels
the same convolution gives the eight voxels of a block as eight times as many channels. Each is the
sum of the same products as before, and of products with zeros.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST_OUTPUTS: Final = 2
"""16 numbers in all: a convolution of 8 into 2 channels takes half of its time."""

KERNEL: Final = (3, 3, 3)
_PLAIN: Final = {
    "strides": [1, 1, 1],
    "pads_begin": [1, 1, 1],
    "pads_end": [1, 1, 1],
    "dilations": [1, 1, 1],
    "auto_pad": "explicit",
}


def compute_by_blocks(network: Any, operators: Any) -> int:
    """Write the convolutions of a network for which it is worth while by blocks; how many.

    ``network`` is a ``Model`` of OpenVINO, which is changed; ``operators`` one of its operator
    sets.
    """
    found = [operator for operator in network.get_ops() if _is_worth_while(operator)]
    for convolution in found:
        image, weights = (convolution.input_value(i) for i in range(2))
        blocks = operators.convolution(
            image,
            operators.constant(_of_block(weights.get_node().get_data())),
            strides=[2, 2, 2],
            pads_begin=[1, 1, 1],
            pads_end=[1, 1, 1],
            dilations=[1, 1, 1],
        )
        voxels = operators.depth_to_space(blocks, "blocks_first", 2)
        convolution.output(0).replace(voxels.output(0))
    return len(found)


def _is_worth_while(operator: Any) -> bool:
    if operator.get_type_name() != "Convolution":
        return False
    if operator.input_value(1).get_node().get_type_name() != "Constant":
        return False
    weights = operator.input_value(1).get_partial_shape()
    image = operator.input_value(0).get_partial_shape()
    if weights.is_dynamic or image.is_dynamic:
        return False
    outputs, _, *kernel = weights.to_shape()
    attributes = operator.get_attributes()
    return (
        tuple(kernel) == KERNEL
        and outputs <= MOST_OUTPUTS
        and all(length % 2 == 0 for length in image.to_shape()[2:])
        and all(attributes[name] == value for name, value in _PLAIN.items())
    )


def _of_block(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weights (O, I, 3, 3, 3) for each voxel of a block: (8 O, I, 4, 4, 4), the block first."""
    moved = [
        np.pad(weights, [(0, 0), (0, 0), *((offset, 1 - offset) for offset in voxel)])
        for voxel in product((0, 1), repeat=3)
    ]
    return np.concatenate(moved)
