"""scene.glb holds both joints in true size, named and painted, as glTF wants it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from negvol_cli.errors import OutputError
from negvol_cli.render import palette
from negvol_cli.render.scene import write_scene
from negvol_cli.report import ScanReport
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import CONDYLE_MM, INFLATED_MM

Pictures = dict[Side, JointView]


@pytest.fixture
def views(make_view: Callable[..., JointView]) -> Pictures:
    return {side: make_view(side) for side in Side}


@pytest.fixture
def path(tmp_path: Path, report: ScanReport, views: Pictures) -> Path:
    write_scene(report, views, tmp_path / "scene.glb")
    return tmp_path / "scene.glb"


def tree(path: Path) -> dict[str, Any]:
    """The JSON of a GLB: 12 bytes of header, then its length, its type and itself."""
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    found: dict[str, Any] = json.loads(data[20 : 20 + length])
    return found


def world(path: Path, name: str) -> trimesh.Trimesh:
    """A node's mesh in the coordinates of the scene."""
    scene = trimesh.load_scene(path)
    matrix, geometry = scene.graph[name]
    return scene.geometry[geometry].copy().apply_transform(matrix)


def test_every_structure_of_both_joints_is_a_named_node(path: Path):
    names = {node["name"] for node in tree(path)["nodes"] if "mesh" in node}

    assert names == {
        f"{side} {what}"
        for side in ("right", "left")
        for what in ("condyle", "temporal bone", "negative volume")
    }


@pytest.mark.parametrize(("side", "x"), [("right", 50 - 3), ("left", 50 + 3)])
def test_it_stands_in_metres_with_y_up_and_the_face_towards_z(path: Path, side: str, x: int):
    """The head's centre, LPS (x, 58, 71) mm, has its height as y and its depth as minus z."""
    condyle = world(path, f"{side} condyle")

    assert condyle.bounds.mean(axis=0) == pytest.approx((x / 1000, 0.071, -0.058), abs=2e-4)
    assert condyle.extents == pytest.approx([2 * CONDYLE_MM / 1000] * 3, rel=0.05)


def test_the_surfaces_face_outward(path: Path):
    for side in Side:
        inflated = world(path, f"{side} negative volume")
        true = 4 / 3 * np.pi * (INFLATED_MM / 1000) ** 3
        assert inflated.volume == pytest.approx(true, rel=0.05)


def test_bone_can_be_seen_through_and_the_condyle_has_its_colour(path: Path):
    materials = {material["name"]: material for material in tree(path)["materials"]}
    factor = materials["condyle"]["pbrMetallicRoughness"]["baseColorFactor"]
    srgb = np.array(palette.rgb(palette.CONDYLE)) / 255

    assert factor == pytest.approx([*(srgb**2.2), 1.0], abs=0.02)  # light, which sRGB spreads
    assert materials["condyle"]["alphaMode"] == "OPAQUE"
    for name in ("temporal bone", "negative volume"):
        assert materials[name]["alphaMode"] == "BLEND"
        assert 0.2 < materials[name]["pbrMetallicRoughness"]["baseColorFactor"][3] < 0.6


def test_every_normal_has_length_one(path: Path):
    for side in Side:
        normals = world(path, f"{side} temporal bone").vertex_normals
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-4)


def test_it_names_its_use_and_nobody(path: Path, report: ScanReport):
    assert tree(path)["asset"]["extras"]["use"] == RESEARCH_USE
    assert report.scan.encode() not in path.read_bytes()


def test_a_negative_volume_that_was_not_measured_is_not_there(
    tmp_path: Path, report: ScanReport, views: Pictures
):
    cut = replace(report, left=replace(report.left, nv_mm3=None))
    write_scene(cut, views, tmp_path / "a.glb")

    names = {node["name"] for node in tree(tmp_path / "a.glb")["nodes"]}
    assert "left negative volume" not in names
    assert "left condyle" in names


def test_fine_meshes_still_make_a_small_file(
    tmp_path: Path, report: ScanReport, make_view: Callable[..., JointView]
):
    fine = {side: make_view(side, step_mm=0.25) for side in Side}
    assert len(fine[Side.LEFT].geometry.temporal_bone.triangles) > 30_000

    write_scene(report, fine, tmp_path / "a.glb")

    assert (tmp_path / "a.glb").stat().st_size < 3e6


def test_a_folder_that_is_not_there_is_explained(
    tmp_path: Path, report: ScanReport, views: Pictures
):
    with pytest.raises(OutputError, match="choose another output folder"):
        write_scene(report, views, tmp_path / "none" / "scene.glb")
