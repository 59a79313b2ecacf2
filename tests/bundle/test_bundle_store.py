"""Installing is whole or not at all, and an installed bundle is found by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from negvol_cli.bundle import store as bundle_store
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from negvol_cli.bundle.store import find_bundle, install_bundle, list_bundles, store_folder
from negvol_cli.errors import ModelError, OutputError
from tests.bundle.test_bundle import zipped
from tests.bundle.tiny import edit


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store in place of the user's own."""
    folder = tmp_path / "store"
    monkeypatch.setattr(bundle_store, "store_folder", lambda: folder)
    return folder


def test_an_installed_bundle_is_the_one_that_was_given(bundle_folder: Path, store: Path) -> None:
    given = load_bundle(bundle_folder)
    (bundle_folder / "notes.txt").write_text("not part of the bundle")

    installed = install_bundle(zipped(bundle_folder))

    assert installed.hash == given.hash
    assert installed.path == store / "tiny-1.0"
    assert sorted(p.name for p in store.rglob("*")) == [
        "bundle.toml",
        "localiser.onnx",
        "segmenter.onnx",
        "tiny-1.0",
    ]


def test_installing_twice_changes_nothing(bundle_folder: Path) -> None:
    assert install_bundle(bundle_folder) == install_bundle(bundle_folder)


def test_another_bundle_of_the_same_name_and_version_is_refused(bundle_folder: Path) -> None:
    kept = install_bundle(bundle_folder)
    edit(bundle_folder, "spacing_mm = 4.0", "spacing_mm = 5.0")

    with pytest.raises(ModelError, match=r"another tiny 1\.0"):
        install_bundle(bundle_folder)

    assert load_bundle(kept.path).hash == kept.hash


def test_a_damaged_bundle_leaves_nothing_in_the_store(bundle_folder: Path, store: Path) -> None:
    (bundle_folder / "segmenter.onnx").write_bytes(b"damaged")

    with pytest.raises(ModelError):
        install_bundle(bundle_folder)

    assert not list(store.rglob("*"))


def test_an_installation_that_breaks_off_leaves_nothing_behind(
    bundle_folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(OutputError, match="No space left"):
        install_bundle(bundle_folder)

    assert not list(store.rglob("*"))


def test_a_bundle_is_found_by_path_by_name_and_by_name_with_version(
    bundle_folder: Path, store: Path
) -> None:
    install_bundle(bundle_folder)

    assert find_bundle(None) == DEFAULT_BUNDLE
    assert find_bundle("default") == DEFAULT_BUNDLE
    assert find_bundle(str(bundle_folder)) == bundle_folder
    assert find_bundle("tiny") == store / "tiny-1.0"
    assert find_bundle("tiny-1.0") == store / "tiny-1.0"


def test_an_unknown_name_is_answered_with_the_known_ones(bundle_folder: Path) -> None:
    install_bundle(bundle_folder)

    with pytest.raises(ModelError, match=r"'huge'.*default, tiny-1\.0"):
        find_bundle("huge")


def test_a_name_with_two_versions_needs_one_of_them(bundle_folder: Path) -> None:
    install_bundle(bundle_folder)
    install_bundle(edit(bundle_folder, 'version = "1.0"', 'version = "1.1"'))

    with pytest.raises(ModelError, match="2 sets of installed models are named 'tiny'"):
        find_bundle("tiny")


def test_the_list_says_what_is_wrong_with_a_damaged_one(bundle_folder: Path) -> None:
    installed = install_bundle(bundle_folder)
    (installed.path / "segmenter.onnx").write_bytes(b"damaged")

    default, damaged = list_bundles()

    assert default.path == DEFAULT_BUNDLE
    assert damaged.bundle is None
    assert "segmenter.onnx" in damaged.trouble


@pytest.mark.skipif(sys.platform != "linux", reason="the XDG folders are Linux's")
def test_the_store_lies_where_the_user_keeps_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("XDG_DATA_HOME", "/data/me")

    assert store_folder() == Path("/data/me/negvol/models")


@pytest.mark.skipif(sys.platform == "win32", reason="passwd is of Unix")
def test_a_user_without_a_home_has_the_default_bundle_and_no_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(_uid: int) -> None:
        raise KeyError

    monkeypatch.undo()
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)

    assert [stored.path for stored in list_bundles()] == [DEFAULT_BUNDLE]
    with pytest.raises(ModelError, match="no file and no installed models are named 'mine'"):
        find_bundle("mine")
    with pytest.raises(OutputError, match=r"there is no home folder .*: set HOME"):
        install_bundle(DEFAULT_BUNDLE)
