"""A disk that is full at any step of writing: one sentence, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from negvol_cli import demo
from negvol_cli.bundle import store as bundle_store
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from negvol_cli.errors import NegvolError, OutputError
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.io.image import Scan, write_labels
from negvol_cli.study import measure_scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="takes a small disk of Linux's")

PAGE = 4096
MIB = 1 << 20


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 64 MiB in memory."""
    folder = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "negvol-test", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def only_free(disk: Path, free: int) -> Iterator[None]:
    """Fill the disk but for so many bytes (in whole pages)."""
    ballast = disk / "ballast"
    state = os.statvfs(disk)
    ballast.write_bytes(bytes(state.f_bavail * state.f_frsize - free // PAGE * PAGE))
    try:
        yield
    finally:
        ballast.unlink()


def pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def full_at_each_file(folder: Path) -> dict[str, int]:
    """Free bytes with which the writing of each file, in the order of their writing, must fail."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    at, taken = {}, 0
    for file in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        needed = pages(file.stat().st_size)
        at[str(file.relative_to(folder))] = taken + needed - PAGE
        taken += needed
    return at


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_disk_that_is_full_at_any_file_of_a_result_leaves_nothing_of_it(
    small_disk: Path, write_result: Callable[..., None], tmp_path: Path
) -> None:
    write_result(tmp_path)
    steps = full_at_each_file(tmp_path / "phantom")
    assert {"labels.nii.gz", "report.json", "report.html", "preview.png", "run.json"} <= set(steps)

    for name, free in steps.items():
        with only_free(small_disk, free):
            with pytest.raises(OutputError) as raised:  # and no result without all of this file
                write_result(small_disk)
            assert "\n" not in str(raised.value), name
            assert str(small_disk) in str(raised.value), name
            assert names(small_disk) == ["ballast"], name

    write_result(small_disk)
    assert names(small_disk) == ["phantom"]
    shutil.rmtree(small_disk / "phantom")


@pytest.mark.parametrize("pages_left", [0, 1, 10])
def test_a_label_map_that_is_cut_short_is_not_taken_for_a_whole_one(
    small_disk: Path, pages_left: int
) -> None:
    """ITK itself ends in silence here."""
    values = np.random.default_rng(1).integers(0, 7, (60, 60, 60)).astype(np.uint8)
    grid = Grid((60, 60, 60), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    path = small_disk / "labels.nii.gz"

    with (
        only_free(small_disk, pages_left * PAGE),
        pytest.raises(OutputError, match=r"labels\.nii\.gz whole .*make room"),
    ):
        write_labels(values, Scan(Volume(values, grid), grid, "scan"), path)

    assert names(small_disk) == []


def test_a_result_stays_as_it_is_where_its_successor_finds_no_room(
    small_disk: Path, write_result: Callable[..., None], phantom: Path, models, settings
) -> None:
    earlier = small_disk / "earlier"
    write_result(earlier)
    before = {p: p.read_bytes() for p in earlier.rglob("*") if p.is_file()}

    with only_free(small_disk, 64 << 10), pytest.raises(OutputError):
        measure_scan(phantom, earlier, settings, models=models, overwrite=True)

    assert {p: p.read_bytes() for p in earlier.rglob("*") if p.is_file()} == before
    shutil.rmtree(earlier)


def test_a_disk_that_fills_up_while_a_bundle_is_installed_leaves_nothing_of_it(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = small_disk / "store"
    monkeypatch.setattr(bundle_store, "store_folder", lambda: store)
    for free in (0, 3 * MIB, 12 * MIB):
        with only_free(small_disk, free), pytest.raises(OutputError, match="No space left"):
            bundle_store.install_bundle(DEFAULT_BUNDLE)
        assert [path for path in store.rglob("*") if path.is_file()] == []

    assert bundle_store.install_bundle(DEFAULT_BUNDLE).path.parent == store
    shutil.rmtree(store)


def test_a_demo_without_room_for_its_scan_says_so(small_disk: Path, settings) -> None:
    out = small_disk / "demo"
    with only_free(small_disk, MIB), pytest.raises(NegvolError, match="make room"):
        demo.run_demo(out, settings)

    assert [path for path in out.rglob("*") if path.is_file()] == []
    out.rmdir()


@pytest.mark.parametrize("most", [0, PAGE, 64 << 10, 512 << 10])
def test_files_larger_than_the_system_allows_leave_nothing(
    write_result: Callable[..., None], tmp_path: Path, most: int
) -> None:
    """Needs no privilege: the limit for the size of a file instead of a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(OutputError) as raised:
            write_result(tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "\n" not in str(raised.value)
    assert names(tmp_path / "out") == []


def test_a_node_on_a_full_disk_takes_nothing_and_keeps_all_that_it_has(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from negvol_cli.io.dicom import Identity, Received
    from negvol_cli.node import spool as node_spool
    from negvol_cli.node.audit import Audit
    from negvol_cli.node.state import State

    monkeypatch.setattr(node_spool, "MIN_FREE_BYTES", 0)
    spool = node_spool.Spool(small_disk / "spool", 1 << 30)
    image = Received("1.2.840.10008.5.1.4.1.1.2", "1.2.3", Identity(study_uid="1.2"))
    later = Received("1.2.840.10008.5.1.4.1.1.2", "1.2.4", Identity(study_uid="1.2"))
    content = bytes(64 << 10)
    with spool.held():
        audit = Audit(spool.folder)
        audit("started")
        spool.keep(image, content, "0" * 64)
        study = spool.studies()[0]
        spool.set_state(study, State(measured="before"))
        before = (spool.folder / "audit.jsonl").read_bytes()

        with only_free(small_disk, 0):
            with pytest.raises((node_spool.FullError, OSError)):
                spool.keep(later, content, "0" * 64)
            with pytest.raises(OSError, match="No space left"):
                spool.set_state(study, State(measured="after"))
            for _ in range(100):
                audit("refused", reason="x" * 100)
        assert names(spool.folder / "arriving") == []
        assert spool.count(study) == 1
        assert spool.state(study).measured == "before"
        log = (spool.folder / "audit.jsonl").read_bytes()
        assert log.startswith(before)
        assert log.endswith(b"}\n")

        assert spool.keep(later, content, "0" * 64) is node_spool.Kept.NEW
    shutil.rmtree(spool.folder)
