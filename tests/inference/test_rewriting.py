"""A network written to be quicker gives what it gave, and is rewritten only where that is so."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.inference import rewriting
from negvol_cli.inference.openvino_engine import openvino, operators
from negvol_cli.inference.rewriting import quicken

ov = openvino()
ops = operators()
RNG = np.random.default_rng(5)
SIZE = (6, 8, 6)


def numbers(*shape: int) -> Any:
    return ops.constant(RNG.standard_normal(shape, dtype=np.float32))


def image_of(channels: int, size: tuple[int, ...] = SIZE) -> Any:
    return ops.parameter([1, channels, *size], np.float32)


def convolved(
    image: Any, outputs: int, kernel: int = 3, stride: int = 1, pad: int = 1, dilation: int = 1
) -> Any:
    """A 3D convolution of an image."""
    weights = numbers(outputs, image.output(0).get_shape()[1], *[kernel] * 3)
    return ops.convolution(image, weights, [stride] * 3, [pad] * 3, [pad] * 3, [dilation] * 3)


def with_bias(image: Any) -> Any:
    return ops.add(image, numbers(1, image.output(0).get_shape()[1], 1, 1, 1))


def spread_as_pytorch_does(image: Any) -> Any:
    """Blocks of eight channels laid out as voxels, by three operators."""
    _, channels, z, y, x = image.output(0).get_shape()
    channels //= 8
    apart = ops.reshape(image, ops.constant([1, channels, 2, 2, 2, z, y, x]), False)
    beside = ops.transpose(apart, ops.constant([0, 1, 5, 2, 6, 3, 7, 4]))
    return ops.reshape(beside, ops.constant([1, channels, 2 * z, 2 * y, 2 * x]), False)


def kinds(network: Any) -> Counter[str]:
    return Counter(operator.get_type_name() for operator in network.get_ops())


def answer(network: Any) -> np.ndarray[Any, Any]:
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rng = np.random.default_rng(8)
    images = [rng.standard_normal(value.get_shape(), dtype=np.float32) for value in network.inputs]
    return np.array(compiled(images)[0])


def rewritten(result: Any, images: list[Any], name: str) -> tuple[int, Counter[str]]:
    """How often the rule ``name`` changed a network, whose answer it must not change."""
    network = ov.Model([result], images)
    before = answer(network)
    count = getattr(rewriting, name)(network, ops)
    after = answer(network)
    assert after.shape == before.shape
    np.testing.assert_allclose(after, before, atol=1e-4)
    return count, kinds(network)


@pytest.mark.parametrize("outputs", [1, 2])
def test_few_channels_are_computed_by_blocks(outputs: int) -> None:
    image = image_of(3)

    count, found = rewritten(convolved(image, outputs), [image], "compute_by_blocks")

    assert count == 1
    assert found["DepthToSpace"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"outputs": 3},
        {"outputs": 2, "kernel": 1, "pad": 0},
        {"outputs": 2, "stride": 2},
        {"outputs": 2, "pad": 0},
        {"outputs": 2, "pad": 2},
        {"outputs": 2, "pad": 2, "dilation": 2},
    ],
    ids=str,
)
def test_other_convolutions_are_not(other: dict[str, int]) -> None:
    image = image_of(3)
    count, found = rewritten(convolved(image, **other), [image], "compute_by_blocks")
    assert count == 0
    assert found["DepthToSpace"] == 0


def test_nor_images_that_are_no_whole_number_of_blocks() -> None:
    image = image_of(3, (6, 7, 6))
    assert rewritten(convolved(image, 2), [image], "compute_by_blocks")[0] == 0


def test_one_operator_lays_blocks_out_as_voxels() -> None:
    image = image_of(16)

    count, found = rewritten(spread_as_pytorch_does(image), [image], "spread_blocks")

    assert count == 1
    assert (found["DepthToSpace"], found["Transpose"]) == (1, 0)


@pytest.mark.parametrize("order", [[0, 1, 5, 3, 6, 2, 7, 4], [0, 1, 2, 5, 3, 6, 4, 7]])
def test_axes_in_another_order_stay_in_it(order: list[int]) -> None:
    image = image_of(16, (2, 2, 2))
    apart = ops.reshape(image, ops.constant([1, 2, 2, 2, 2, 2, 2, 2]), False)
    beside = ops.transpose(apart, ops.constant(order))
    result = ops.reshape(beside, ops.constant([1, 2, 4, 4, 4]), False)

    assert rewritten(result, [image], "spread_blocks")[0] == 0


def test_blocks_are_spread_after_what_is_done_to_each_number() -> None:
    one, other = image_of(16), image_of(16)
    logits = with_bias(ops.depth_to_space(one, "depth_first", 2))
    total = ops.add(logits, ops.depth_to_space(other, "depth_first", 2))

    count, _ = rewritten(ops.sigmoid(ops.relu(total)), [one, other], "spread_blocks_last")

    assert count == 4


def test_the_last_operator_is_then_the_spreading() -> None:
    image = image_of(16)
    network = ov.Model([ops.sigmoid(ops.depth_to_space(image, "depth_first", 2))], [image])

    assert rewriting.spread_blocks_last(network, ops) == 1

    last = network.outputs[0].get_node().input_value(0).get_node()
    assert last.get_type_name() == "DepthToSpace"


def of_voxels(spread: Any) -> Any:
    """Something else is added to each voxel."""
    return ops.add(spread, numbers(*spread.output(0).get_shape()))


def across_channels(spread: Any) -> Any:
    return ops.softmax(spread, 1)


@pytest.mark.parametrize("after", [of_voxels, across_channels])
def test_what_regards_single_voxels_or_several_channels_comes_after(after: Any) -> None:
    image = image_of(16)
    result = after(ops.depth_to_space(image, "depth_first", 2))
    assert rewritten(result, [image], "spread_blocks_last")[0] == 0


def test_blocks_in_another_order_are_not_added_to_those_in_this_one() -> None:
    one, other = image_of(16), image_of(16)
    total = ops.add(
        ops.depth_to_space(one, "depth_first", 2), ops.depth_to_space(other, "blocks_first", 2)
    )
    assert rewritten(total, [one, other], "spread_blocks_last")[0] == 0


@pytest.mark.parametrize(("kernel", "pad", "stride"), [(3, 1, 1), (1, 0, 1), (2, 0, 2)])
def test_images_are_convolved_one_by_one(kernel: int, pad: int, stride: int) -> None:
    images = [image_of(channels) for channels in (3, 1, 4)]
    result = convolved(ops.concat(images, 1), 5, kernel, stride, pad)

    count, found = rewritten(result, images, "split_concatenations")

    assert count == 1
    assert (found["Convolution"], found["Concat"]) == (3, 0)


def test_images_that_lie_behind_each_other_are_not() -> None:
    images = [image_of(3), image_of(3)]
    result = convolved(ops.concat(images, 2), 5)
    assert rewritten(result, images, "split_concatenations")[0] == 0


def test_the_first_two_convolutions_are_one() -> None:
    """To the border: what the first adds to each channel is not added beyond it."""
    image = image_of(1)
    first = with_bias(convolved(image, 6, kernel=2, stride=2, pad=0))

    count, found = rewritten(convolved(first, 5), [image], "join_first_convolutions")

    assert count == 1
    assert (found["Convolution"], found["SpaceToDepth"]) == (1, 1)


@pytest.mark.parametrize(
    ("channels", "first", "second"),
    [
        (2, {"kernel": 2, "stride": 2, "pad": 0}, {}),
        (1, {"kernel": 2, "stride": 1, "pad": 0}, {}),
        (1, {"kernel": 3, "stride": 2, "pad": 1}, {}),
        (1, {"kernel": 2, "stride": 2, "pad": 0}, {"kernel": 1, "pad": 0}),
        (1, {"kernel": 2, "stride": 2, "pad": 0}, {"pad": 0}),
    ],
    ids=str,
)
def test_two_others_stay_two(channels: int, first: dict[str, int], second: dict[str, int]) -> None:
    image = image_of(channels)
    result = convolved(with_bias(convolved(image, 6, **first)), 5, **second)
    assert rewritten(result, [image], "join_first_convolutions")[0] == 0


def test_two_with_something_between_stay_two() -> None:
    image = image_of(1)
    first = ops.relu(with_bias(convolved(image, 6, kernel=2, stride=2, pad=0)))
    assert rewritten(convolved(first, 5), [image], "join_first_convolutions")[0] == 0


def test_an_image_that_is_no_whole_number_of_blocks_is_convolved_twice() -> None:
    image = image_of(1, (7, 8, 6))
    first = with_bias(convolved(image, 6, kernel=2, stride=2, pad=0))
    assert rewritten(convolved(first, 5), [image], "join_first_convolutions")[0] == 0


def test_weights_that_are_given_with_the_image_stay_as_they_are() -> None:
    image = image_of(3)
    weights = ops.parameter([2, 3, 3, 3, 3], np.float32)
    result = ops.convolution(image, weights, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    network = ov.Model([result], [image, weights])
    before = answer(network)

    quicken(network, ops)

    np.testing.assert_array_equal(answer(network), before)


def test_images_of_any_size_stay_as_they_are() -> None:
    image = ops.parameter(ov.PartialShape([1, 3, -1, -1, -1]), np.float32)
    weights = numbers(2, 3, 3, 3, 3)
    result = ops.convolution(image, weights, [1] * 3, [1] * 3, [1] * 3, [1] * 3)
    network = ov.Model([ops.sigmoid(result)], [image])

    quicken(network, ops)

    assert kinds(network) == {
        "Parameter": 1,
        "Constant": 1,
        "Convolution": 1,
        "Sigmoid": 1,
        "Result": 1,
    }


def test_every_rule_finds_its_place_in_the_default_segmenter() -> None:
    bundle = load_bundle()
    (spec,) = bundle.segmenters
    network = ov.Core().read_model(bundle.read(spec))

    assert rewriting.spread_blocks(network, ops) == 1
    assert rewriting.compute_by_blocks(network, ops) == 1
    assert rewriting.spread_blocks_last(network, ops) == 3
    assert rewriting.split_concatenations(network, ops) == 7
    assert rewriting.join_first_convolutions(network, ops) == 1
