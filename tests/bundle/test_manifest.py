"""``bundle.toml`` is read strictly: what is unknown, missing or wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from negvol_cli.bundle.bundle import Role, load_bundle
from negvol_cli.errors import ModelError
from tests.bundle.tiny import edit

KEYS = ["name", "version", "licence", "reference", "measure", "of", "value", "unit", "how"]
KEYS += ["role", "file", "sha256", "spacing_mm", "size"]
KEYS += ["window_hu", "channels", "input", "output"]


def test_a_sound_manifest_is_read_as_it_is_written(bundle_folder: Path) -> None:
    bundle = load_bundle(bundle_folder)

    assert bundle.title == "tiny 1.0"
    assert bundle.manifest.licence == "GPL-3.0-or-later"
    assert [source.name for source in bundle.manifest.sources] == ["nothing"]
    assert [(a.measure, a.of, a.value) for a in bundle.manifest.accuracy] == [
        ("Dice", "condyle", 0.5)
    ]
    assert bundle.localiser.role is Role.LOCALISER
    assert bundle.localiser.spacing_mm == 4.0
    (segmenter,) = bundle.segmenters
    assert segmenter.size_zyx == (8, 8, 8)
    assert segmenter.window_hu == (-1000.0, 2000.0)
    assert segmenter.channels == ("condyle", "temporal_bone")


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(bundle_folder: Path, key: str) -> None:
    file = bundle_folder / "bundle.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{key} ="))
    file.write_text("\n".join(lines[:first] + lines[first + 1 :]), encoding="utf-8")

    with pytest.raises(ModelError, match=rf"missing key (\w+\[0\]\.)?{key};"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize("line", ["schema = 1", "[[sources]]", "[[accuracy]]", "[[models]]"])
def test_an_unknown_key_is_named_in_every_table(bundle_folder: Path, line: str) -> None:
    edit(bundle_folder, line, f"{line}\ncolour = 1")

    with pytest.raises(ModelError, match=r"unknown key (\w+\[0\]\.)?colour; allowed are"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 2", "schema 2"),
        ("schema = 1", "schema = true", "schema True"),
        ("schema = 1", "", "schema None"),
        ("schema = 1", "schema =", "not a TOML file"),
        ('name = "tiny"', 'name = "../tiny"', "name must be"),
        ('name = "tiny"', 'name = ".tiny"', "name must be"),
        ('version = "1.0"', "version = 1.0", "version must be"),
        ("value = 0.5", 'value = "0.5"', "value must be"),
        ("value = 0.5", "value = nan", "value must be"),
        ('role = "localiser"', 'role = "painter"', "role must be"),
        ('file = "localiser.onnx"', 'file = "../localiser.onnx"', "file must be"),
        ('file = "localiser.onnx"', 'file = "/localiser.onnx"', "file must be"),
        ('file = "localiser.onnx"', 'file = "localiser.pkl"', "file must be"),
        ('sha256 = "', 'sha256 = "0', "sha256 must be"),
        ("spacing_mm = 4.0", "spacing_mm = 0.0", "spacing_mm must be"),
        ("size = [8, 8, 8]", "size = [8, 8]", "size must be"),
        ("size = [8, 8, 8]", "size = [8, 8, 8.0]", "size must be"),
        ("size = [8, 8, 8]", "size = [8, 8, 100000]", "size must be"),
        ("window_hu = [-1000.0, 2000.0]", "window_hu = [2000.0, -1000.0]", "window_hu must rise"),
        ('channels = ["right", "left"]', 'channels = ["right", "right"]', "channels must be"),
        ('channels = ["right", "left"]', 'channels = ["right", "up"]', "channels must be"),
        ('channels = ["right", "left"]', "channels = [1, 2]", "channels must be"),
        ('channels = ["right", "left"]', 'channels = ["right"]', "must give"),
        ('role = "localiser"', 'role = "segmenter"', "channels must be"),
    ],
)
def test_a_wrong_value_is_named(bundle_folder: Path, old: str, new: str, said: str) -> None:
    edit(bundle_folder, old, new)

    with pytest.raises(ModelError) as caught:
        load_bundle(bundle_folder)

    assert said in str(caught.value)
    assert str(bundle_folder) in str(caught.value)


def test_the_expected_error_of_older_bundles_is_read_over(bundle_folder: Path) -> None:
    table = "\n[expected_error]\nnv_percent = 5.0\n"
    edit(bundle_folder, "\n[[models]]", f"{table}\n[[models]]")

    assert load_bundle(bundle_folder).title == "tiny 1.0"


def test_two_segmenters_may_share_the_objects_between_them(bundle_folder: Path) -> None:
    _split_segmenter(bundle_folder)

    segmenters = load_bundle(bundle_folder).segmenters

    assert [model.channels for model in segmenters] == [("condyle",), ("temporal_bone",)]


def test_two_segmenters_may_see_different_grids(bundle_folder: Path) -> None:
    _split_segmenter(bundle_folder)
    edit(bundle_folder, "spacing_mm = 0.5", "spacing_mm = 0.4")

    segmenters = load_bundle(bundle_folder).segmenters

    assert [model.spacing_mm for model in segmenters] == [0.4, 0.5]


def test_a_network_sees_a_cube(bundle_folder: Path) -> None:
    edit(bundle_folder, "size = [8, 8, 8]", "size = [8, 8, 16]")

    with pytest.raises(ModelError, match="must be a cube, as networks see them"):
        load_bundle(bundle_folder)


def _split_segmenter(bundle: Path) -> None:
    """One network per object instead of one for both."""
    head, *models = (bundle / "bundle.toml").read_text(encoding="utf-8").split("\n[[models]]")
    both = '["condyle", "temporal_bone"]'
    condyle = models[1].replace(both, '["condyle"]')
    bone = models[1].replace(both, '["temporal_bone"]').replace("segmenter.onnx", "bone.onnx")
    (bundle / "bone.onnx").write_bytes((bundle / "segmenter.onnx").read_bytes())
    text = "\n[[models]]".join([head, models[0], condyle, bone])
    (bundle / "bundle.toml").write_text(text, encoding="utf-8")
