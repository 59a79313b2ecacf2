"""``negvol models``: what is listed, verified and installed."""

from __future__ import annotations

import json
from pathlib import Path

from negvol_cli.bundle.bundle import load_bundle
from tests.bundle.test_bundle import zipped
from tests.bundle.tiny import edit, network
from tests.cli.conftest import Negvol


def test_installing_an_archive_says_what_was_installed(
    negvol: Negvol, bundle_folder: Path, tmp_path: Path
) -> None:
    short = load_bundle(bundle_folder).hash[:12]

    result = negvol("models", "install", zipped(bundle_folder))

    assert result.exit_code == 0
    assert result.stdout == (
        f"tiny 1.0  GPL-3.0-or-later  sha256 {short}  {tmp_path / 'store' / 'tiny-1.0'}\n"
        "  localiser: right and left, 8 x 8 x 8 voxels of 4 mm (localiser.onnx)\n"
        "  segmenter: condyle and temporal bone, 8 x 8 x 8 voxels of 0.5 mm (segmenter.onnx)\n"
        "  Dice of condyle: 0.500 (not measured)\n"
    )


def test_an_installed_bundle_is_listed(negvol: Negvol, bundle_folder: Path) -> None:
    negvol("models", "install", bundle_folder)

    listed = json.loads(negvol("models", "list", "--json").stdout)

    assert [Path(bundle["path"]).name for bundle in listed] == ["default", "tiny-1.0"]
    tiny = listed[1]
    assert tiny["usable"] is True
    assert tiny["hash"] == load_bundle(bundle_folder).hash
    assert tiny["manifest"]["models"][0]["channels"] == ["right", "left"]
    assert tiny["manifest"]["sources"] == [{"name": "nothing", "licence": "none", "reference": ""}]


def test_installing_something_else_ends_with_4(negvol: Negvol, tmp_path: Path) -> None:
    (tmp_path / "letter.zip").write_text("Dear Sir")

    result = negvol("models", "install", tmp_path / "letter.zip")

    assert result.exit_code == 4
    assert result.stderr.startswith(f"negvol: {tmp_path / 'letter.zip'} is not a readable zip")
    assert not (tmp_path / "store").exists()


def test_a_sound_bundle_is_verified_by_running_it(negvol: Negvol, bundle_folder: Path) -> None:
    result = negvol("models", "verify", bundle_folder)

    assert result.exit_code == 0
    assert result.stdout == (
        "tiny 1.0: ok: localiser.onnx and segmenter.onnx match their SHA-256 and run on the CPU\n"
    )


def test_a_damaged_bundle_is_verified_with_4(negvol: Negvol, bundle_folder: Path) -> None:
    (bundle_folder / "segmenter.onnx").write_bytes(network(weights=(2.0, 1.0)))

    result = negvol("models", "verify", bundle_folder, "--json")

    assert result.exit_code == 4
    (bundle,) = json.loads(result.stdout)
    assert bundle["usable"] is False
    assert "SHA-256" in bundle["trouble"]
    assert result.stderr == "negvol: 1 of 1 sets of models cannot be used\n"


def test_a_network_of_another_shape_is_found_by_verifying(
    negvol: Negvol, bundle_folder: Path
) -> None:
    edit(bundle_folder, "size = [8, 8, 8]", "size = [9, 9, 9]")

    result = negvol("models", "verify", bundle_folder)

    assert result.exit_code == 4
    assert result.stdout.startswith("tiny 1.0: FAILED: ")
    assert "[1, 1, 8, 8, 8] where the bundle promises" in result.stdout


def test_a_name_that_nobody_knows_ends_with_4(negvol: Negvol) -> None:
    result = negvol("models", "verify", "huge")

    assert result.exit_code == 4
    assert "'huge'" in result.stderr
