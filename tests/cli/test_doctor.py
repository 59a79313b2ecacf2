"""``negvol doctor`` finds what is broken, says it in a sentence, and ends with 1."""

from __future__ import annotations

import json
import re
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from negvol_cli import doctor
from negvol_cli.doctor import Level, examine
from negvol_cli.errors import ModelError
from tests.cli.conftest import Negvol


def levels(bundle: Path) -> dict[str, Level]:
    return {check.name: check.level for check in examine(bundle)}


def text(bundle: Path, name: str) -> str:
    return next(check.text for check in examine(bundle) if check.name == name)


def test_a_sound_machine_is_sound(negvol: Negvol, bundle_folder: Path) -> None:
    result = negvol("doctor", "--bundle", bundle_folder, "--json")

    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["sound"] is True
    names = [check["name"] for check in found["checks"]]
    assert names == [
        *("versions", "onnx runtime", "openvino", "models"),
        *("localiser.onnx", "segmenter.onnx", "meshes", "memory", "dicom extra"),
    ]


def test_the_networks_are_really_run(bundle_folder: Path) -> None:
    assert re.match(
        r"ran on (CPU|CUDA) in \d+\.\d\d s \((OpenVINO|ONNX Runtime) \d",
        text(bundle_folder, "segmenter.onnx"),
    )


def test_a_damaged_bundle_ends_with_1(negvol: Negvol, bundle_folder: Path) -> None:
    (bundle_folder / "localiser.onnx").write_bytes(b"damaged")

    result = negvol("doctor", "--bundle", bundle_folder)

    assert result.exit_code == 1
    line = next(line for line in result.stdout.splitlines() if line.startswith("models"))
    assert "broken" in line
    assert "localiser.onnx" in line


def test_a_gpu_that_was_asked_for_and_is_not_there_is_broken(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negvol_cli.inference.session.why_no_gpu", lambda: "there is none")

    found = {check.name: check for check in examine(bundle_folder, doctor.Device.GPU)}

    assert found["segmenter.onnx"].level is Level.BROKEN
    assert "there is none" in found["segmenter.onnx"].text


def test_two_onnx_runtimes_over_each_other_are_broken(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"onnxruntime": ["onnxruntime-gpu", "onnxruntime", "onnxruntime"]}
    monkeypatch.setattr("importlib.metadata.packages_distributions", lambda: both)

    assert levels(bundle_folder)["onnx runtime"] is Level.BROKEN
    assert text(bundle_folder, "onnx runtime").startswith("onnxruntime and onnxruntime-gpu are")


def test_an_onnx_runtime_that_does_not_load_is_broken(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())

    assert levels(bundle_folder)["onnx runtime"] is Level.BROKEN
    with pytest.raises(ModelError, match="ONNX Runtime cannot be loaded"):
        doctor.runtime()


def test_an_openvino_that_does_not_load_is_a_warning_that_says_what_to_do(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace())

    found = {check.name: check for check in examine(bundle_folder, doctor.Device.CPU)}

    assert found["openvino"].level is Level.WARNING
    assert (
        "pip install --force-reinstall openvino; until then ONNX Runtime" in found["openvino"].text
    )
    assert found["segmenter.onnx"].level is Level.OK
    assert "s (ONNX Runtime " in found["segmenter.onnx"].text
    assert "; OpenVINO cannot be loaded (" in found["segmenter.onnx"].text


def test_neither_openvino_nor_onnx_runtime_is_broken(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)

    assert levels(bundle_folder)["localiser.onnx"] is Level.BROKEN
    assert "ONNX Runtime cannot be loaded" in text(bundle_folder, "localiser.onnx")


def test_a_mesh_library_that_does_not_load_is_a_warning_with_the_packages_to_install(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymeshlab", None)
    monkeypatch.delitem(sys.modules, "negvol_cli.mesh.pymeshlab_backend", raising=False)

    assert levels(bundle_folder)["meshes"] is Level.WARNING
    assert "libgl1" in text(bundle_folder, "meshes")
    assert "libopengl0" in text(bundle_folder, "meshes")


def test_little_memory_is_a_warning(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "available_memory_mb", lambda: 100.0)

    assert levels(bundle_folder)["memory"] is Level.WARNING


def test_a_part_that_is_not_installed_is_broken(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PARTS", (*doctor.PARTS, "no-such-package"))

    assert levels(bundle_folder)["versions"] is Level.BROKEN
    assert "missing: no-such-package" in text(bundle_folder, "versions")


def test_a_missing_extra_is_a_warning_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, bundle_folder: Path
) -> None:
    there = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda n: None if n == "pynetdicom" else there(n))

    assert levels(bundle_folder)["dicom extra"] is Level.WARNING
    assert text(bundle_folder, "dicom extra") == (
        "pynetdicom not installed, for --dicom-out, send and node: pip install 'negvol[dicom]'"
    )


def test_another_node_that_does_not_answer_is_a_finding(
    negvol: Negvol, bundle_folder: Path
) -> None:
    pytest.importorskip("pynetdicom")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    result = negvol("doctor", "--bundle", bundle_folder, "--to", f"PACS@127.0.0.1:{port}", "--json")

    assert result.exit_code == 1
    check = json.loads(result.stdout)["checks"][-1]
    assert (check["name"], check["level"]) == ("dicom node", "broken")
    assert check["text"].startswith(f"nothing listens at PACS@127.0.0.1:{port}")
