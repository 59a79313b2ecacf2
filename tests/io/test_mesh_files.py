from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import trimesh

from negvol_cli import colours
from negvol_cli.errors import OutputError
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.io.mesh_files import world_mesh, write_ply, write_stl
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side
from tests.steps.solids import ball_mm3, moved, sphere

BALL = moved(sphere(5.0, 0.5), np.eye(3), (3.0, 1.0, -2.0))
SPACE = np.where(BALL.points_mm[:, 2] > 0, 2.5, np.nan)


@pytest.fixture(params=list(Side))
def frame(request):
    return JointFrame(request.param, (100.0, -40.0, 60.0))


def test_lateral_is_to_the_patients_right_on_the_right_and_to_his_left_on_the_left(frame):
    """The ball lies 3 mm lateral; LPS x grows to the patient's left."""
    x = 97.0 if frame.side is Side.RIGHT else 103.0

    assert world_mesh(BALL, frame).centroid_mm == pytest.approx((x, -39.0, 58.0), abs=0.01)


def test_a_mirrored_mesh_is_still_wound_outward(frame):
    assert world_mesh(BALL, frame).volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-9)


def test_ply_keeps_the_mesh_and_its_joint_space(tmp_path, frame):
    path = tmp_path / "condyle.ply"

    write_ply(BALL, frame, path, colour=colours.CONDYLE, joint_space_mm=SPACE)

    back = trimesh.load_mesh(path, process=False)
    stored = back.metadata["_ply_raw"]["vertex"]["data"]["joint_space_mm"].ravel()
    assert back.volume == pytest.approx(ball_mm3(5.0), rel=0.01)
    assert back.vertices == pytest.approx(world_mesh(BALL, frame).points_mm, abs=1e-4)
    assert stored == pytest.approx(SPACE, nan_ok=True)


def test_ply_keeps_the_thickness_of_bone(tmp_path, frame):
    path = tmp_path / "bone.ply"

    write_ply(BALL, frame, path, colour=colours.TEMPORAL_BONE_SOLID, thickness_mm=SPACE)

    back = trimesh.load_mesh(path, process=False)
    stored = back.metadata["_ply_raw"]["vertex"]["data"]["thickness_mm"].ravel()
    assert stored == pytest.approx(SPACE, nan_ok=True)
    assert b"quality is thickness_mm; nan where it is not known" in path.read_bytes()


def test_ply_says_its_axes_as_3d_slicer_reads_them_its_units_and_its_use(tmp_path, frame):
    write_ply(BALL, frame, tmp_path / "a.ply", colour="#010203")

    header = (tmp_path / "a.ply").read_bytes().split(b"end_header")[0].decode("ascii")
    comments = [line.removeprefix("comment ") for line in header.splitlines() if "comment" in line]
    assert comments == ["SPACE=LPS", "units mm", RESEARCH_USE]


def test_every_vertex_has_the_structures_colour(tmp_path, frame):
    write_ply(BALL, frame, tmp_path / "a.ply", colour="#0102FE")

    back = trimesh.load_mesh(tmp_path / "a.ply", process=False)
    assert (back.visual.vertex_colors == [1, 2, 254, 255]).all()


def test_meshlab_sees_colour_and_joint_space(tmp_path, frame):
    pymeshlab = pytest.importorskip("pymeshlab", exc_type=ImportError)
    write_ply(BALL, frame, tmp_path / "a.ply", colour=colours.CONDYLE, joint_space_mm=SPACE)

    meshes = pymeshlab.MeshSet()
    meshes.load_new_mesh(str(tmp_path / "a.ply"))
    mesh = meshes.current_mesh()

    assert mesh.vertex_number() == len(BALL.points_mm)
    assert mesh.vertex_scalar_array() == pytest.approx(SPACE, nan_ok=True)
    assert mesh.vertex_color_matrix()[0, :3] * 255 == pytest.approx(colours.rgb(colours.CONDYLE))


def test_stl_keeps_the_mesh_and_says_its_use(tmp_path, frame):
    path = tmp_path / "condyle.stl"

    write_stl(BALL, frame, path)

    back = trimesh.load_mesh(path)
    assert back.is_watertight
    assert back.volume == pytest.approx(ball_mm3(5.0), rel=0.01)
    header = path.read_bytes()[:80].rstrip()
    assert header == f"SPACE=LPS, mm. {RESEARCH_USE}".encode()


@pytest.mark.parametrize("write", [partial(write_ply, colour="#000000"), write_stl])
def test_a_folder_that_is_not_there_is_explained(tmp_path, frame, write):
    with pytest.raises(OutputError, match="choose another folder"):
        write(BALL, frame, tmp_path / "none" / "a.mesh")
