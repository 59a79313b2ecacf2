"""Result folders are read back, or refused with what is wrong with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from negvol_cli.comparison.stored import read_result
from negvol_cli.errors import InputError
from negvol_cli.structures import Side
from tests.comparison.folders import write_result
from tests.comparison.made import result


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_result(result(sha256="abc"), tmp_path_factory.mktemp("results") / "scan")


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "scan"))


def test_a_result_is_read_back_as_it_was(written: Path):
    made, read = result(sha256="abc"), read_result(written)

    assert read.input_sha256 == "abc"
    assert read.report.right == made.report.right
    for side in Side:
        mesh = made.joints[side].condyle
        assert read.joints[side].condyle.points_mm == pytest.approx(mesh.points_mm, abs=1e-4)
        assert np.array_equal(read.joints[side].condyle.triangles, mesh.triangles)
        assert read.joints[side].joint_space_mm.shape == (len(mesh.points_mm),)
        assert read.joints[side].inflated.is_empty


def test_a_folder_that_is_no_result_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="is not a result folder"):
        read_result(tmp_path / "absent")


def test_a_result_of_an_older_schema_says_to_measure_again(folder: Path):
    report = folder / "report.json"
    report.write_text(json.dumps(json.loads(report.read_text()) | {"schema": 2}))

    with pytest.raises(InputError, match=r"another version of negvol \(schema 2, here 3\)"):
        read_result(folder)


@pytest.mark.parametrize("file", ["report.json", "meshes/left_condyle.ply"])
def test_a_file_that_was_altered_is_refused(folder: Path, file: str):
    path = folder / file
    path.write_bytes(path.read_bytes().replace(b"0", b"1"))

    with pytest.raises(InputError, match=f"{path.name} is not the file that negvol wrote"):
        read_result(folder)


@pytest.mark.parametrize(
    ("file", "said"),
    [("run.json", "which says what belongs"), ("meshes/left_temporal_bone.ply", "cannot read")],
)
def test_a_file_that_is_gone_is_named(folder: Path, file: str, said: str):
    (folder / file).unlink()

    with pytest.raises(InputError, match=said):
        read_result(folder)


def test_a_result_without_meshes_says_how_to_measure_again(folder: Path):
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record["settings"] = {"meshes": "none"}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")

    with pytest.raises(InputError, match="measured with --no-meshes"):
        read_result(folder)


def test_a_record_without_files_is_refused(folder: Path):
    (folder / "run.json").write_text("[]")

    with pytest.raises(InputError, match="lists no files"):
        read_result(folder)


def test_a_joint_without_figures_is_not_read(folder: Path, written: Path):
    made = result(sides=(Side.LEFT,))
    other = write_result(made, folder.parent / "one")

    assert set(read_result(other).joints) == {Side.LEFT}
    assert read_result(other).why_not(Side.RIGHT) == "not found: no condyle in view"
    assert set(read_result(written).joints) == set(Side)


def test_a_revision_is_named_as_one(folder: Path):
    revision = write_result(result(sides=(Side.LEFT,)), folder / "revisions" / "002")

    assert read_result(folder).name == "scan"
    assert read_result(revision).name == "scan revision 002"


def test_surfaces_of_coarse_scans_are_less_certain(written: Path):
    joint = read_result(written).joints[Side.LEFT]
    coarse = replace(joint, voxel_mm=3.0)

    assert coarse.common_mm > 3.0 * joint.common_mm > 0.0
