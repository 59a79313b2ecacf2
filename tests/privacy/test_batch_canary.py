"""With a key, a batch prints and writes nothing of what files and their paths say."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest

from tests.io.made_scans import ct_values, write, write_series

CANARY = "CANARYBIRD"
CT = ct_values((22, 24, 26))
COMMAND = [sys.executable, "-m", "negvol_cli"]

_META = f"""ObjectType = Image
NDims = 3
DimSize = 64 64 64
ElementSpacing = 1 1 1
ElementType = MET_SHORT
TransformMatrix = 1 0 0 0 1 0 0 0 1
ElementDataFile = {CANARY}.raw
"""
_NRRD = f"""NRRD0004
type: short
dimension: 3
space: left-posterior-superior
sizes: 64 {CANARY} 64
space directions: (1,0,0) (0,1,0) (0,0,1)
encoding: {CANARY}

"""


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans of every kind that fail, or are left out, for a reason in which a name stands."""
    folder = tmp_path_factory.mktemp("in") / f"{CANARY}^JOHN"
    folder.mkdir()
    (folder / "a.mhd").write_text(_META)
    (folder / "b.nrrd").write_text(_NRRD)
    (folder / "c.mha").write_text(_META.replace("64 64 64", f"64 {CANARY} 64"))
    (folder / f"{CANARY}.nii").write_bytes(b"no image at all")
    (folder / f"{CANARY}.zip").write_bytes(b"no zip at all")
    whole = write(CT, folder / "whole.nii").read_bytes()
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        archive.writestr(f"{CANARY}.nii", whole[: len(whole) // 2])
    for number, modality in enumerate(("CT", CANARY[:10])):
        series = write_series(folder / f"{CANARY} {number}", CT, series=f"1.2.3.{number}")
        for file in series.iterdir():
            made = pydicom.dcmread(file)
            made.PatientID = made.PatientName = made.SeriesDescription = CANARY
            made.Modality = modality
            made.save_as(file)
    damaged = folder / f"{CANARY} 0" / "005.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "hospital.key"
    path.write_bytes(bytes(range(32)))
    return path


def negvol(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, text=True, check=False, timeout=600
    )


def printed(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).upper()


def test_neither_messages_nor_tables_hold_a_name_and_the_crosswalk_does(
    ward: Path, key: Path, tmp_path: Path
) -> None:
    done = negvol("batch", ward, "-o", tmp_path / "out", "--pseudonym-key", key, "--threads", "1")

    assert done.returncode == 5
    assert CANARY not in printed(done)
    written = {path.name: path for path in (tmp_path / "out").rglob("*")}
    assert {"failures.csv", "found.csv", "summary.csv", "summary.html"} <= written.keys()
    for path in written.values():
        assert CANARY not in path.name.upper()
        assert not path.is_file() or CANARY.encode() not in path.read_bytes().upper()
    with written["failures.csv"].open(newline="") as file:
        failures = list(csv.DictReader(file))
    assert len(failures) >= 6
    assert all(row["file"].startswith("pat-") and " (code " in row["reason"] for row in failures)
    assert len({row["reason"] for row in failures}) > 2  # codes tell one kind from another
    with (key.parent / "hospital.key.crosswalk.csv").open(newline="") as file:
        places = {row["pseudonym"]: row["file"] for row in csv.DictReader(file)}
    assert all(CANARY in places[row["file"]] for row in failures)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_dry_run_counts_what_is_left_out(ward: Path, key: Path, options: Sequence[str]) -> None:
    done = negvol("batch", ward, "--dry-run", "--pseudonym-key", key, *options)

    assert done.returncode == 0
    assert CANARY not in printed(done)
    if options:
        assert json.loads(done.stdout)["left_out"] >= 1
    else:
        assert "left out: " in done.stderr


@pytest.mark.parametrize(
    "name", ["a.mhd", "b.nrrd", "c.mha", f"{CANARY}.nii", f"{CANARY}.zip", f"{CANARY} 1", "none"]
)
def test_a_run_that_fails_says_so_in_a_fixed_sentence_with_a_code(
    ward: Path, key: Path, tmp_path: Path, name: str
) -> None:
    done = negvol(
        *("--debug", "run", ward / name, "-o", tmp_path / CANARY, "--pseudonym-key", key),
        *("--threads", "1"),
    )

    assert done.returncode == 3
    assert CANARY not in printed(done)
    assert "(code io." in done.stderr.splitlines()[-1]


def test_an_empty_folder_is_told_without_its_name(key: Path, tmp_path: Path) -> None:
    (tmp_path / CANARY).mkdir()

    done = negvol("batch", tmp_path / CANARY, "-o", tmp_path / "out", "--pseudonym-key", key)

    assert done.returncode == 3
    assert CANARY not in printed(done)
    assert "no scan was found" in done.stderr
