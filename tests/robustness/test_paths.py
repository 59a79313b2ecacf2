"""Names and folders as people have them: long, foreign, read-only, and not even text."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from negvol_cli.errors import OutputError
from negvol_cli.structures import Side
from negvol_cli.study import measure_scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has limits of its own")

STRANGE = "Kiefer gelenk/顎関節 CT/Ø ümläut & 'quote' $HOME; #1"


@pytest.fixture
def strange(tmp_path: Path, phantom: Path) -> Path:
    """The phantom under a path of over 260 characters, with spaces, signs and other scripts."""
    folder = tmp_path / STRANGE
    for _ in range(2):
        folder /= "a long name of a folder " * 5
    folder.mkdir(parents=True)
    assert len(str(folder)) > 260
    return Path(shutil.copy(phantom, folder / "Müller, Jörg – головa.v2.nii.gz"))


def test_a_scan_in_a_strange_place_is_measured_into_another(
    strange: Path, models, settings
) -> None:
    out = strange.parent / "Ergebnisse наши"

    report = measure_scan(strange, out, settings, models=models)

    assert {joint.side for joint in report.joints if joint.nv_mm3} == set(Side)
    folder = out / "Müller, Jörg – головa.v2"
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["scan"] == folder.name
    assert (folder / "labels.nii.gz").is_file()
    assert len(list((folder / "meshes").glob("*.ply"))) == 6


def test_a_name_as_long_as_the_system_allows_is_cut_for_its_result(
    write_result: Callable[..., None], phantom: Path, tmp_path: Path
) -> None:
    scan = Path(shutil.copy(phantom, tmp_path / f"{'n' * 248}.nii.gz"))

    write_result(tmp_path / "out", scan)

    (folder,) = (tmp_path / "out").glob("*/")
    assert folder.name.startswith("n" * 90)
    assert len(folder.name.encode()) <= 150
    assert (folder / "report.html").is_file()


def test_a_name_that_is_no_text_is_measured(phantom: Path, tmp_path: Path) -> None:
    """A file name of Linux is bytes, and an old archive's may be of any encoding."""
    scan = os.path.join(os.fsencode(tmp_path), b"M\xfcller.nii.gz")  # noqa: PTH118 - bytes
    shutil.copy(os.fsencode(phantom), scan)
    command = [sys.executable, "-m", "negvol_cli", "run", scan, "-o", tmp_path / "out", "--quiet"]

    ran = subprocess.run(command, capture_output=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, b"")
    (folder,) = (tmp_path / "out").glob("*/")
    assert folder.name.startswith("M_ller-")
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["scan"] == folder.name


@pytest.fixture
def read_only(tmp_path: Path, phantom: Path) -> Iterator[Path]:
    """A folder with the phantom, in which nobody can write, not even root."""
    folder = tmp_path / "archive"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "negvol-test", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a disk that is read-only cannot be mounted here: {mounted.stderr.strip()}")
    shutil.copy(phantom, folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_scan_on_a_read_only_disk_is_measured_into_another_folder(
    read_only: Path, write_result: Callable[..., None], tmp_path: Path
) -> None:
    write_result(tmp_path / "out", read_only / "phantom.nii.gz")

    assert (tmp_path / "out" / "phantom" / "run.json").is_file()


def test_a_read_only_place_for_the_result_is_explained_before_the_work(
    read_only: Path, write_result: Callable[..., None]
) -> None:
    for out in (read_only, read_only / "new"):
        with pytest.raises(OutputError, match="Read-only file system"):
            write_result(out)


def test_nothing_is_missing_where_the_home_folder_cannot_be_written(
    read_only: Path, tmp_path: Path
) -> None:
    variables = {**os.environ, "HOME": str(read_only), "XDG_DATA_HOME": str(read_only / "data")}
    for words, code in (
        (["models", "list"], 0),
        (["models", "install", "default"], 1),
    ):
        command = [sys.executable, "-m", "negvol_cli", *words]
        ran = subprocess.run(
            command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ran.returncode in {code, 4}, ran.stderr
        assert "should not have happened" not in ran.stderr
