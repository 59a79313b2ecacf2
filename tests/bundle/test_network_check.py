"""Only plain networks are run, all of whose weights a hash covers."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from negvol_cli.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from negvol_cli.bundle.network_check import check_network
from negvol_cli.bundle.store import check_bundle
from negvol_cli.errors import ModelError
from negvol_cli.inference.session import open_session
from negvol_cli.settings import Device
from tests.bundle.tiny import SIZE, SPEC, network, write_bundle

onnx = pytest.importorskip("onnx", reason="making a small network takes the onnx package")
helper = onnx.helper

CUBE = [1, 1, SIZE, SIZE, SIZE]


def model(nodes: list[Any], weights: tuple[Any, ...] = (), **more: Any) -> Any:
    """A network of these nodes, from ``image`` to ``probabilities`` of two channels."""
    ports = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, *CUBE[2:]])
        for name, channels in (("image", 1), ("probabilities", 2))
    ]
    graph = helper.make_graph(nodes, "made", ports[:1], ports[1:], list(weights))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, **more)


def outside(location: str, name: str = "kernel") -> Any:
    """Two weights that lie in another file."""
    made = onnx.TensorProto(name=name, data_type=onnx.TensorProto.FLOAT, dims=[1, 2, 1, 1, 1])
    made.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "8")):
        made.external_data.add(key=key, value=value)
    return made


def scaled(**attributes: Any) -> list[Any]:
    return [
        helper.make_node("Mul", ["image", "kernel"], ["logits"], **attributes),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]


def loop(operator: str = "Loop") -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("going", onnx.TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, [])],
    )
    return model([helper.make_node(operator, ["n", "t"], [], body=body), *scaled()])


def constant_outside() -> Any:
    return model([helper.make_node("Constant", [], ["kernel"], value=outside("w")), *scaled()])


def function() -> Any:
    node = helper.make_node("Identity", ["a"], ["b"])
    opsets = [helper.make_opsetid("", 17)]
    return model(
        scaled(), functions=[helper.make_function("ours", "f", ["a"], ["b"], [node], opsets)]
    )


def half_outside() -> Any:
    """A tensor that only says that it lies elsewhere."""
    made = onnx.TensorProto(name="kernel", data_type=1, dims=[2])
    made.data_location = onnx.TensorProto.EXTERNAL
    return model(scaled(), (made,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: model(scaled(), (outside("weights.bin"),)), "weights outside the file"),
        (lambda: model(scaled(), (outside("/etc/passwd"),)), "weights outside the file"),
        (lambda: model(scaled(), (outside("*/_ORT_MEM_ADDR_/*"),)), "weights outside the file"),
        (half_outside, "weights outside the file"),
        (constant_outside, "weights outside the file"),
        (loop, "the operator 'Loop'|a graph within the graph"),
        (lambda: loop("Identity"), "a graph within the graph"),
        (lambda: model([helper.make_node("If", ["t"], ["b"]), *scaled()]), "'If'"),
        (lambda: model([helper.make_node("Scan", ["t"], ["b"]), *scaled()]), "'Scan'"),
        (lambda: model([helper.make_node("Expand", ["t"], ["b"]), *scaled()]), "'Expand'"),
        (lambda: model([helper.make_node("RandomNormal", [], ["b"])]), "'RandomNormal'"),
        (lambda: model(scaled(domain="com.microsoft")), "not of the ONNX standard"),
        (function, "functions of its own"),
    ],
)
def test_a_network_that_is_not_plain_is_refused(make: Callable[[], Any], said: str) -> None:
    content = make().SerializeToString()

    with pytest.raises(ModelError, match=said):
        check_network(content, "segmenter.onnx")
    with pytest.raises(ModelError, match=said):
        open_session(content, SPEC, Device.CPU)


def test_a_second_graph_that_a_parser_would_add_to_the_first_is_looked_at_too() -> None:
    content = model(scaled()).SerializeToString() + loop().SerializeToString()

    with pytest.raises(ModelError, match=r"Loop|graph within"):
        check_network(content, "segmenter.onnx")


def test_a_file_in_the_working_directory_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.array([0.5, 1.5], dtype="<f4").tofile("weights.bin")
    content = model(scaled(), (outside("weights.bin"),)).SerializeToString()

    with pytest.raises(ModelError, match="weights outside the file, which no hash covers"):
        open_session(content, SPEC, Device.CPU)


@pytest.mark.parametrize("content", [b"", b"not a network", network()[:60], b"\x3b" * 50])
def test_what_is_no_network_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"is not a usable model|is not run"):
        check_network(content, "segmenter.onnx")


def test_every_network_of_the_default_bundle_is_plain() -> None:
    bundle = load_bundle(DEFAULT_BUNDLE)

    assert all(bundle.read(spec) for spec in bundle.models)


def test_a_bundle_with_such_a_network_is_refused_though_its_hashes_are_right(
    tmp_path: Path,
) -> None:
    folder = write_bundle(tmp_path / "bundle")
    good = (folder / "segmenter.onnx").read_bytes()
    bad = model(scaled(), (outside("weights.bin"),)).SerializeToString()
    text = (folder / "bundle.toml").read_text()
    digests = [hashlib.sha256(content).hexdigest() for content in (good, bad)]
    shutil.copytree(folder, tmp_path / "other")
    for name in ("localiser.onnx", "segmenter.onnx"):
        (tmp_path / "other" / name).write_bytes(bad)
    (tmp_path / "other" / "bundle.toml").write_text(text.replace(*digests))

    assert check_bundle(folder).trouble == ""
    assert "weights outside the file" in check_bundle(tmp_path / "other").trouble
