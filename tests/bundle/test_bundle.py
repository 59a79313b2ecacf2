"""Bundles come as folders or archives; nothing damaged or cunning gets past the door."""

from __future__ import annotations

import os
import stat
import zipfile
from functools import partial
from pathlib import Path

import pytest

from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.errors import ModelError
from negvol_cli.run import load_models
from negvol_cli.settings import Device, Settings
from tests.bundle.tiny import edit


def zipped(folder: Path, *, inside: str = "", skip: str = "") -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(folder.iterdir()):
            if file.name != skip:
                out.write(file, inside + file.name)
    return archive


@pytest.mark.parametrize("inside", ["", "my bundle/"])
def test_an_archive_is_the_same_bundle_as_its_folder(bundle_folder: Path, inside: str) -> None:
    folder = load_bundle(bundle_folder)
    archive = load_bundle(zipped(bundle_folder, inside=inside))

    assert archive.hash == folder.hash
    assert archive.read(archive.localiser) == (bundle_folder / "localiser.onnx").read_bytes()


def test_the_hash_tells_bundles_apart(bundle_folder: Path) -> None:
    before = load_bundle(bundle_folder).hash
    edit(bundle_folder, "window_hu = [-1000.0", "window_hu = [-900.0")

    assert load_bundle(bundle_folder).hash != before


@pytest.mark.parametrize("file", ["localiser.onnx", "segmenter.onnx"])
def test_a_model_with_one_changed_byte_is_refused(bundle_folder: Path, file: str) -> None:
    content = bytearray((bundle_folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle_folder / file).write_bytes(content)

    for path in (bundle_folder, zipped(bundle_folder)):
        for load in (load_bundle, partial(load_models, settings=Settings(device=Device.CPU))):
            with pytest.raises(ModelError, match=f"{file} .* SHA-256 differs"):
                load(path)


def test_a_model_changed_after_loading_is_refused_too(bundle_folder: Path) -> None:
    bundle = load_bundle(bundle_folder)
    (bundle_folder / "localiser.onnx").write_bytes(b"something else")

    with pytest.raises(ModelError, match="SHA-256 differs"):
        bundle.read(bundle.localiser)


@pytest.mark.parametrize("file", ["bundle.toml", "segmenter.onnx"])
def test_a_missing_file_is_named(bundle_folder: Path, file: str) -> None:
    archive = zipped(bundle_folder, skip=file)
    (bundle_folder / file).unlink()

    for path in (bundle_folder, archive):
        with pytest.raises(ModelError, match=file):
            load_bundle(path)


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no bundle of models at .*nowhere"):
        load_bundle(tmp_path / "nowhere")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(b"not a zip")

    with pytest.raises(ModelError, match="not a readable zip archive"):
        load_bundle(tmp_path / "bundle.zip")


def test_an_archive_cut_short_is_refused(bundle_folder: Path) -> None:
    archive = zipped(bundle_folder)
    archive.write_bytes(archive.read_bytes()[:-200])

    with pytest.raises(ModelError, match="not a readable zip archive"):
        load_bundle(archive)


def test_an_archive_with_damaged_content_is_refused(bundle_folder: Path) -> None:
    archive = zipped(bundle_folder)
    content = bytearray(archive.read_bytes())
    content[60:80] = bytes(20)
    archive.write_bytes(content)

    with pytest.raises(ModelError, match="cannot be unpacked"):
        load_bundle(archive)


@pytest.mark.parametrize(
    "name", ["../evil.onnx", "/evil.onnx", "a/../../evil.onnx", "C:/evil.onnx", "..\\evil.onnx"]
)
def test_an_archive_that_points_outside_itself_is_refused(bundle_folder: Path, name: str) -> None:
    archive = zipped(bundle_folder)
    with zipfile.ZipFile(archive, "a") as out:
        out.writestr(name, b"x")

    with pytest.raises(ModelError, match="points outside it"):
        load_bundle(archive)


def test_an_archive_with_a_link_is_refused(bundle_folder: Path) -> None:
    archive = zipped(bundle_folder)
    link = zipfile.ZipInfo("link.onnx")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as out:
        out.writestr(link, "/etc/passwd")

    with pytest.raises(ModelError, match="is a link"):
        load_bundle(archive)


def test_a_file_larger_than_any_model_is_refused_before_it_is_unpacked(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negvol_cli.bundle.archive.MAX_BYTES", 1 << 20)
    (bundle_folder / "localiser.onnx").write_bytes(bytes((1 << 20) + 1))

    for path in (bundle_folder, zipped(bundle_folder)):
        with pytest.raises(ModelError, match="larger than 1 MiB"):
            load_bundle(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("name", ["bundle.toml", "localiser.onnx"])
def test_a_pipe_in_a_bundle_is_refused_and_not_waited_for(bundle_folder: Path, name: str) -> None:
    (bundle_folder / name).unlink()
    os.mkfifo(bundle_folder / name)

    with pytest.raises(ModelError, match="is no file"):
        load_bundle(bundle_folder)
