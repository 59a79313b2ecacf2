"""Networks for 3D images written so that OpenVINO computes them sooner, and to the same answer.

A voxel's answer stays the sum of the same products, some of them added up beforehand, and of
products with zeros: it changes by rounding alone. What is not of the shapes below stays as it is.
"""

from __future__ import annotations

from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MOST_OUTPUTS: Final = 2
"""16 numbers in all: by blocks, a convolution of 8 into 2 channels takes half of its time."""

KERNEL: Final = (3, 3, 3)
BLOCK: Final = (2, 2, 2)
VOXELS: Final = 8
"""Of a block; they are its channels where it stands as one voxel."""

_ORDER: Final = "depth_first"  # those of a block lie together, channel after channel
_PLAIN: Final = {
    "strides": [1, 1, 1],
    "pads_begin": [1, 1, 1],
    "pads_end": [1, 1, 1],
    "dilations": [1, 1, 1],
    "auto_pad": "explicit",
}
_EVERY_OTHER: Final = _PLAIN | {"strides": [2, 2, 2]}
_OF_BLOCKS: Final = _EVERY_OTHER | {"pads_begin": [0, 0, 0], "pads_end": [0, 0, 0]}
_SPREAD: Final = [0, 1, 5, 2, 6, 3, 7, 4]
"""The order of axes by which PyTorch lays the voxels of a block (axes 2 to 4) beside each other."""

Numbers = npt.NDArray[np.float32]


def quicken(network: Any, operators: Any) -> None:
    """Rewrite ``network``, a ``Model`` of OpenVINO; ``operators`` is one of its operator sets."""
    spread_blocks(network, operators)
    compute_by_blocks(network, operators)
    spread_blocks_last(network, operators)
    split_concatenations(network, operators)
    join_first_convolutions(network, operators)


def spread_blocks(network: Any, operators: Any) -> int:
    """Let one operator do what three do that lay the channels of blocks out as voxels; how many."""
    count = 0
    for last in _of_kind(network, "Reshape"):
        transpose = _source(last, "Transpose")
        first = None if transpose is None else _source(transpose, "Reshape")
        if first is None or not np.array_equal(_constant(transpose.input_value(1)), _SPREAD):
            continue
        shape = _shape(last.output(0))
        if _shape(first.output(0)) == [*shape[:2], *BLOCK, *(n // 2 for n in shape[2:])]:
            spread = operators.depth_to_space(first.input_value(0), _ORDER, BLOCK[0])
            last.output(0).replace(spread.output(0))
            count += 1
    return count


def compute_by_blocks(network: Any, operators: Any) -> int:
    """Compute convolutions that give few channels for a block of 2³ voxels at once; how many.

    OpenVINO fills a register of a CPU, which holds up to 16 numbers, with the channels that a
    convolution gives: where these are two labels, most of it stays empty. With a stride of two
    voxels the same convolution gives the eight voxels of a block as eight times as many channels.
    """
    count = 0
    for convolution in _of_kind(network, "Convolution"):
        weights = _weights(convolution)
        if weights is None or len(weights) > MOST_OUTPUTS or not _is_plain(convolution, weights):
            continue
        image = convolution.input_value(0)
        if any(length % 2 for length in _shape(image)[2:]):
            continue
        blocks = operators.convolution(
            image, operators.constant(_of_block(weights)), **_EVERY_OTHER
        )
        voxels = operators.depth_to_space(blocks, _ORDER, BLOCK[0])
        convolution.output(0).replace(voxels.output(0))
        count += 1
    return count


def spread_blocks_last(network: Any, operators: Any) -> int:
    """Lay blocks out as voxels only after what is done to each number by itself; how often.

    As channels they fill registers, and lie as the convolution left them that gave them.
    """
    count = 0
    for after in network.get_ordered_ops():
        sooner = _on_blocks(after, operators)
        if sooner is not None:
            spread = operators.depth_to_space(sooner, _ORDER, BLOCK[0])
            after.output(0).replace(spread.output(0))
            count += 1
    return count


def split_concatenations(network: Any, operators: Any) -> int:
    """Convolve images one by one, and add, that were one after another's channels; how many.

    Copying them beside each other takes longer than to add the answers.
    """
    count = 0
    for convolution in _of_kind(network, "Convolution"):
        together, weights = _source(convolution, "Concat"), _weights(convolution)
        if together is None or weights is None or together.get_attributes()["axis"] != 1:
            continue
        images = _inputs(together)
        ends = np.cumsum([_shape(image)[1] for image in images])
        if ends[-1] != weights.shape[1]:
            continue
        how = {name: convolution.get_attributes()[name] for name in _PLAIN}
        parts = [
            operators.convolution(image, operators.constant(part), **how)
            for image, part in zip(images, np.split(weights, ends[:-1], axis=1), strict=True)
        ]
        total = parts[-1]
        for part in parts[-2::-1]:
            total = operators.add(total, part)
        convolution.output(0).replace(total.output(0))
        count += 1
    return count


def join_first_convolutions(network: Any, operators: Any) -> int:
    """Compute two convolutions as one where the first only makes channels of blocks; how many.

    The image has one channel, and its blocks have eight: fewer than the first convolution gives.
    What it adds to each channel it adds nowhere beyond the image; a channel of ones, which is zero
    there as well, brings that in.
    """
    count = 0
    for second in _of_kind(network, "Convolution"):
        added, weights = _source(second, "Add"), _weights(second)
        first = None if added is None else _source(added, "Convolution")
        if first is None or weights is None:
            continue
        if not _is_plain(second, weights) or not _has(first, _OF_BLOCKS):
            continue
        of_blocks, bias = _weights(first), _per_channel(added.input_value(1))
        if of_blocks is None or bias is None or of_blocks.shape[1:] != (1, *BLOCK):
            continue
        image, size = first.input_value(0), _shape(first.output(0))[2:]
        if _shape(image)[2:] != [2 * length for length in size]:
            continue
        by_voxel = of_blocks.reshape(len(of_blocks), VOXELS)
        by_channel = np.c_[by_voxel, bias].astype(np.float64)
        joined = np.einsum("ocijk,cb->obijk", weights.astype(np.float64), by_channel)
        blocks = operators.space_to_depth(image, _ORDER, BLOCK[0])
        ones = operators.constant(np.ones([1, 1, *size], dtype=np.float32))
        both = operators.convolution(
            operators.concat([blocks, ones], 1),
            operators.constant(joined.astype(np.float32)),
            **_PLAIN,
        )
        second.output(0).replace(both.output(0))
        count += 1
    return count


def _on_blocks(after: Any, operators: Any) -> Any:
    """What an operator does to voxels, done to blocks; None where it regards more than a number."""
    kind = after.get_type_name()
    blocks = [_spread_from(value) for value in _inputs(after)]
    if not blocks or blocks[0] is None:
        return None
    if kind in ("Relu", "Sigmoid"):
        return (operators.relu if kind == "Relu" else operators.sigmoid)(blocks[0])
    if kind != "Add":
        return None
    if blocks[1] is not None:
        return operators.add(*blocks)
    bias = _per_channel(after.input_value(1))
    if bias is None:
        return None
    of_blocks = np.repeat(bias, VOXELS).reshape(1, -1, 1, 1, 1)
    return operators.add(blocks[0], operators.constant(of_blocks))


def _of_kind(network: Any, kind: str) -> list[Any]:
    return [operator for operator in network.get_ordered_ops() if operator.get_type_name() == kind]


def _inputs(operator: Any) -> list[Any]:
    return [operator.input_value(number) for number in range(operator.get_input_size())]


def _source(operator: Any, kind: str) -> Any:
    """The operator that gives the first input, if it is of that kind."""
    source = operator.input_value(0).get_node()
    return source if source.get_type_name() == kind else None


def _shape(value: Any) -> list[int]:
    """The lengths of what an operator gives; -1 for one that is not known."""
    shape = value.get_partial_shape()
    return [n.get_length() if n.is_static else -1 for n in shape] if shape.rank.is_static else []


def _constant(value: Any) -> Any:
    """The numbers of a constant; None for anything else."""
    node = value.get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None


def _per_channel(value: Any) -> Numbers | None:
    """(C,): constants that are added to the channels of an image; None for anything else."""
    shape = _shape(value)
    node = value.get_node()
    if node.get_type_name() == "Reshape":
        value = node.input_value(0)
    numbers = _constant(value)
    if numbers is None or len(shape) != 5 or shape != [1, numbers.size, 1, 1, 1]:
        return None
    return np.asarray(numbers, dtype=np.float32).ravel()


def _spread_from(value: Any) -> Any:
    """The image whose channels are laid out as voxels; None where that is not what is done."""
    node = value.get_node()
    if node.get_type_name() != "DepthToSpace":
        return None
    done = node.get_attributes()
    if (done["mode"], done["block_size"]) != (_ORDER, BLOCK[0]):
        return None
    return node.input_value(0)


def _weights(convolution: Any) -> Numbers | None:
    """(O, I, z, y, x): the constant weights of a 3D convolution; None where it has none such."""
    weights = _constant(convolution.input_value(1))
    image = _shape(convolution.input_value(0))
    return weights if weights is not None and weights.ndim == 5 and min(image) > 0 else None


def _has(operator: Any, wanted: dict[str, Any]) -> bool:
    attributes = operator.get_attributes()
    return all(attributes[name] == value for name, value in wanted.items())


def _is_plain(convolution: Any, weights: Numbers) -> bool:
    """Whether a convolution of 3³ voxels leaves an image's size as it is."""
    return weights.shape[2:] == KERNEL and _has(convolution, _PLAIN)


def _of_block(weights: Numbers) -> Numbers:
    """Weights (O, I, 3, 3, 3) for each voxel of a block: (8 O, I, 4, 4, 4), a label's together."""
    moved = [
        np.pad(weights, [(0, 0), (0, 0), *((offset, 1 - offset) for offset in voxel)])
        for voxel in product((0, 1), repeat=3)
    ]
    return np.stack(moved, axis=1).reshape(-1, *moved[0].shape[1:])
