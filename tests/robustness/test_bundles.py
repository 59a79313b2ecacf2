"""A bad bundle is refused before anything runs; an installation that is killed leaves none."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from negvol_cli.bundle import store as bundle_store
from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.bundle.store import install_bundle, list_bundles
from negvol_cli.errors import ModelError
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.bundle.tiny import edit, network, write_bundle
from tests.robustness.forked import ROOT, environment

pytest.importorskip("onnx", reason="making a small network takes the onnx package")

SLOWLY = """
import sys, time
from pathlib import Path
from negvol_cli.bundle import store as bundle_store
store, bundle = map(Path, sys.argv[1:])
bundle_store.store_folder = lambda: store
write = Path.write_bytes
def slowly(path, content):
    for part in (content[:len(content) // 2], content):
        time.sleep(0.02)
        write(path, part)
Path.write_bytes = slowly
print("ready", flush=True)
bundle_store.install_bundle(bundle)
time.sleep(60)
"""


def changed_byte(bundle: Path) -> None:
    file = bundle / "localiser.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def missing_file(bundle: Path) -> None:
    (bundle / "segmenter.onnx").unlink()


def other_shape(bundle: Path) -> None:
    """With the right hash: only opening it shows what it is."""
    old = hashlib.sha256((bundle / "segmenter.onnx").read_bytes()).hexdigest()
    content = network(size=16)
    (bundle / "segmenter.onnx").write_bytes(content)
    text = (bundle / "bundle.toml").read_text()
    before, segmenter = text.split('role = "segmenter"')
    segmenter = segmenter.replace(old, hashlib.sha256(content).hexdigest())
    (bundle / "bundle.toml").write_text(before + 'role = "segmenter"' + segmenter)


def unknown_schema(bundle: Path) -> None:
    edit(bundle, "schema = 1", "schema = 99")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (changed_byte, r"localiser\.onnx .*SHA-256"),
        (missing_file, r"lacks a readable segmenter\.onnx"),
        (other_shape, r"segmenter\.onnx is .*16, 16, 16.* where the bundle promises"),
        (unknown_schema, "99"),
    ],
)
def test_a_bad_bundle_is_refused_before_the_scan_is_read(
    tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    spoil(bundle)
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(b"no image: reading it would raise InputError")

    with pytest.raises(ModelError, match=said):
        measure_scan(scan, tmp_path / "out", Settings(device=Device.CPU), bundle=bundle)

    assert list(tmp_path.glob("out/*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is not Windows's")
def test_an_installation_killed_at_any_moment_leaves_no_bundle_or_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, store = write_bundle(tmp_path / "bundle"), tmp_path / "store"
    monkeypatch.setattr(bundle_store, "store_folder", lambda: store)
    seen = set()
    for moment in range(8):
        command = [sys.executable, "-c", SLOWLY, str(store), str(bundle)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.025 * moment)
            os.kill(process.pid, signal.SIGKILL)
        _, *installed = list_bundles()
        assert [stored.trouble for stored in installed] in ([], [""])
        seen.add((bool(installed), bool(list(store.glob(".part-*")))))
    assert (False, True) in seen, "no kill came in the middle"

    assert install_bundle(bundle).hash == load_bundle(bundle).hash
    assert [path.name for path in store.iterdir()] == ["tiny-1.0"]
