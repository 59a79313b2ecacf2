"""Networks that do next to nothing, and a bundle of two of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from negvol_cli.bundle.manifest import ModelSpec, Role

SIZE = 8

_HEAD = """\
schema = 1
name = "tiny"
version = "1.0"
licence = "GPL-3.0-or-later"

[[sources]]
name = "nothing"
licence = "none"
reference = ""

[[accuracy]]
measure = "Dice"
of = "condyle"
value = 0.5
unit = ""
how = "not measured"
"""

_MODEL = """
[[models]]
role = "{role}"
file = "{role}.onnx"
sha256 = "{sha256}"
spacing_mm = {spacing_mm}
size = [8, 8, 8]
window_hu = [-1000.0, 2000.0]
channels = {channels}
input = "image"
output = "probabilities"
"""

SPEC = ModelSpec(
    role=Role.SEGMENTER,
    file="segmenter.onnx",
    sha256="0" * 64,
    spacing_mm=0.5,
    size_zyx=(SIZE, SIZE, SIZE),
    window_hu=(-1000.0, 2000.0),
    channels=("condyle", "temporal_bone"),
    input="image",
    output="probabilities",
)


def network(
    *,
    weights: tuple[float, ...] = (1.0, -1.0),
    size: int = SIZE,
    names: tuple[str, str] = ("image", "probabilities"),
    squash: str = "Sigmoid",
    dtype: str = "FLOAT",
) -> bytes:
    """An ONNX model: channel c is the sigmoid of the image times ``weights[c]``."""
    import onnx
    from onnx import helper

    kind = getattr(onnx.TensorProto, dtype)
    numpy_kind = helper.tensor_dtype_to_np_dtype(kind)
    kernel = np.array(weights, dtype=numpy_kind).reshape(1, -1, 1, 1, 1)
    ports: list[Any] = [
        helper.make_tensor_value_info(name, kind, [1, channels, size, size, size])
        for name, channels in zip(names, (1, len(weights)), strict=True)
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Mul", [names[0], "kernel"], ["logits"]),
            helper.make_node(squash, ["logits"], [names[1]]),
        ],
        "tiny",
        ports[:1],
        ports[1:],
        [onnx.numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def write_bundle(folder: Path) -> Path:
    """Write a sound bundle of two such networks into ``folder``."""
    folder.mkdir(parents=True)
    text = _HEAD
    roles = {
        "localiser": (4.0, '["right", "left"]'),
        "segmenter": (0.5, '["condyle", "temporal_bone"]'),
    }
    for role, (spacing_mm, channels) in roles.items():
        content = network()
        (folder / f"{role}.onnx").write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        text += _MODEL.format(role=role, sha256=sha256, spacing_mm=spacing_mm, channels=channels)
    (folder / "bundle.toml").write_text(text, encoding="utf-8")
    return folder


def edit(bundle: Path, old: str, new: str) -> Path:
    """Replace ``old``, which must be there, in the bundle's manifest."""
    file = bundle / "bundle.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return bundle
