"""Whether an ONNX file is a plain network: all of it in the file, and nothing that need not end.

The file is read as protobuf's wire format here, because the ``onnx`` package is no part of the
wheel. Field numbers are those of ``onnx.proto`` (github.com/onnx/onnx).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from negvol_cli.errors import ModelError

OPERATORS: Final = frozenset(
    [
        "Abs",
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "Celu",
        "Clip",
        "Concat",
        "Constant",
        "Conv",
        "ConvTranspose",
        "DepthToSpace",
        "Div",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
        "Flatten",
        "Gather",
        "Gelu",
        "Gemm",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "GroupNormalization",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "InstanceNormalization",
        "LayerNormalization",
        "LeakyRelu",
        "Log",
        "LogSoftmax",
        "LpNormalization",
        "MatMul",
        "Max",
        "MaxPool",
        "Mean",
        "Min",
        "Mish",
        "Mul",
        "Neg",
        "PRelu",
        "Pad",
        "Pow",
        "Reciprocal",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "Selu",
        "Shape",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Softplus",
        "SpaceToDepth",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Tanh",
        "Transpose",
        "Unsqueeze",
        "Upsample",
    ]
)
"""Those of feed-forward networks for images. Loop, If and Scan run a graph of their own, as often
as it likes; ConstantOfShape, Expand, Tile and Range make memory out of a number; what belongs to
no standard is somebody's code."""

_STANDARD: Final = (b"", b"ai.onnx")

Check = Callable[[memoryview], None]


def check_network(content: bytes, name: str) -> None:
    """Refuse the ONNX file ``name`` unless it is a plain network.

    Raises ModelError for weights outside the file, for an operator that is not in ``OPERATORS``,
    for graphs within the graph, and for what is no ONNX file.
    """
    try:
        _Checker(name).model(memoryview(content))
    except (IndexError, UnicodeDecodeError) as err:
        raise ModelError(
            f"{name} is not a usable model (no ONNX file, or one cut short); get the bundle again"
        ) from err


class _Checker:
    """Each method looks at one kind of message, and at all that is in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def model(self, content: memoryview) -> None:
        """ModelProto."""
        if not content:
            raise IndexError
        refused = {20: "training instructions", 25: "functions of its own"}
        self._look(content, {7: self.graph}, refused)

    def graph(self, content: memoryview) -> None:
        """GraphProto."""
        self._look(content, {1: self.node, 5: self.tensor}, {15: "sparse weights"})

    def node(self, content: memoryview) -> None:
        """NodeProto."""
        self._look(content, {4: self.operator, 5: self.attribute, 7: self.domain}, {})

    def attribute(self, content: memoryview) -> None:
        """AttributeProto."""
        graphs = "a graph within the graph, which need not end"
        refused = {6: graphs, 11: graphs, 22: "sparse weights", 23: "sparse weights"}
        self._look(content, {5: self.tensor, 10: self.tensor}, refused)

    def tensor(self, content: memoryview) -> None:
        """TensorProto."""
        outside = "weights outside the file, which no hash covers"
        for number, value in _fields(content):
            if number == 13 or (number == 14 and value != 0):
                raise self._refused(outside)

    def operator(self, content: memoryview) -> None:
        """The kind of a node."""
        if (kind := bytes(content).decode("utf-8")) not in OPERATORS:
            raise self._refused(f"the operator {kind!a}, which no network for images needs")

    def domain(self, content: memoryview) -> None:
        """Whose operator a node is."""
        if bytes(content) not in _STANDARD:
            raise self._refused("operators that are not of the ONNX standard")

    def _look(
        self, content: memoryview, checks: Mapping[int, Check], refused: Mapping[int, str]
    ) -> None:
        for number, value in _fields(content):
            if number in refused:
                raise self._refused(refused[number])
            if number in checks and isinstance(value, memoryview):
                checks[number](value)

    def _refused(self, what: str) -> ModelError:
        return ModelError(f"{self._name} is not run: it has {what}; get the bundle from its makers")


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The fields of a protobuf message: their numbers, and their bytes or whole numbers.

    Raises IndexError where the message is cut short, or is none.
    """
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(content, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise IndexError("groups have not been in use since before ONNX")
        if at + length > len(content):
            raise IndexError("cut short")
        yield number, content[at : at + length]
        at += length


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """A whole number in seven bits a byte, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise IndexError("a number of more than ten bytes")
