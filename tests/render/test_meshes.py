"""Meshes for files: the condyle whole, the rest lighter, and only what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import trimesh

from negvol_cli.render import meshes
from negvol_cli.render.meshes import lighter, write_meshes
from negvol_cli.report import ScanReport
from negvol_cli.settings import MeshFiles
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

STRUCTURES = ("condyle", "temporal_bone", "inflated")


@pytest.fixture
def views(make_view: Callable[..., JointView]) -> dict[Side, JointView]:
    return {side: make_view(side) for side in Side}


@pytest.mark.parametrize(
    ("which", "endings"),
    [(MeshFiles.PLY, {"ply"}), (MeshFiles.PLY_AND_STL, {"ply", "stl"})],
)
def test_every_structure_of_both_joints_is_a_file(
    tmp_path: Path,
    report: ScanReport,
    views: dict[Side, JointView],
    which: MeshFiles,
    endings: set[str],
) -> None:
    write_meshes(report, views, tmp_path / "meshes", which)

    assert {path.name for path in (tmp_path / "meshes").iterdir()} == {
        f"{side}_{name}.{ending}" for side in Side for name in STRUCTURES for ending in endings
    }


def test_without_meshes_there_is_no_folder(
    tmp_path: Path, report: ScanReport, views: dict[Side, JointView]
) -> None:
    write_meshes(report, views, tmp_path / "meshes", MeshFiles.NONE)

    assert not (tmp_path / "meshes").exists()


def test_a_negative_volume_that_was_not_measured_is_no_file(
    tmp_path: Path, report: ScanReport, views: dict[Side, JointView]
) -> None:
    cut = replace(report, left=replace(report.left, nv_mm3=None))
    write_meshes(cut, views, tmp_path / "meshes", MeshFiles.PLY)

    assert not (tmp_path / "meshes" / "left_inflated.ply").exists()
    assert (tmp_path / "meshes" / "right_inflated.ply").exists()


def test_lighter_joints_keep_the_condyle_and_where_bone_is_how_thick(
    tmp_path: Path,
    report: ScanReport,
    views: dict[Side, JointView],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meshes, "BONE_TRIANGLES", 3000)
    whole = views[Side.LEFT]
    edges = SimpleNamespace(thickness_on=lambda mesh: mesh.points_mm[:, 2])
    thick = {Side.LEFT: replace(whole, basis=SimpleNamespace(edges=(edges, None)))}

    light = lighter(thick[Side.LEFT])
    write_meshes(report, {Side.LEFT: light}, tmp_path / "meshes", MeshFiles.PLY)

    assert light.geometry.condyle is whole.geometry.condyle
    stored = trimesh.load_mesh(tmp_path / "meshes" / "left_temporal_bone.ply", process=False)
    assert len(stored.faces) < 3300 < len(whole.geometry.temporal_bone.triangles)
    values = stored.metadata["_ply_raw"]["vertex"]["data"]["thickness_mm"].ravel()
    at = light.geometry.temporal_bone.points_mm[:, 2]
    assert np.allclose(values, at, atol=1e-4)
