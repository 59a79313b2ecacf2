from __future__ import annotations

import numpy as np
import pytest
import trimesh

from negvol_cli.config import RESEARCH_USE, Side
from negvol_cli.errors import OutputError
from negvol_cli.mesh_files import world_mesh, write_ply, write_stl
from negvol_cli.preprocess import JointFrame
from tests.geometry.solids import ball_mm3, moved, sphere

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

    write_ply(BALL, frame, path, joint_space_mm=SPACE)

    back = trimesh.load(path, process=False)
    stored = back.metadata["_ply_raw"]["vertex"]["data"]["joint_space_mm"].ravel()
    assert back.volume == pytest.approx(ball_mm3(5.0), rel=0.01)
    assert back.vertices == pytest.approx(world_mesh(BALL, frame).points_mm, abs=1e-4)
    assert stored == pytest.approx(SPACE, nan_ok=True)


def test_ply_says_its_units_and_its_use(tmp_path, frame):
    write_ply(BALL, frame, tmp_path / "a.ply")

    header = (tmp_path / "a.ply").read_bytes().split(b"end_header")[0].decode()
    assert f"comment LPS mm. {RESEARCH_USE}" in header


def test_stl_keeps_the_mesh_and_says_its_use(tmp_path, frame):
    path = tmp_path / "condyle.stl"

    write_stl(BALL, frame, path)

    back = trimesh.load(path)
    assert back.is_watertight
    assert back.volume == pytest.approx(ball_mm3(5.0), rel=0.01)
    assert path.read_bytes().startswith(f"LPS mm. {RESEARCH_USE}".encode()[:80])


@pytest.mark.parametrize("write", [write_ply, write_stl])
def test_a_folder_that_is_not_there_is_explained(tmp_path, frame, write):
    with pytest.raises(OutputError, match="choose another folder"):
        write(BALL, frame, tmp_path / "none" / "a.mesh")
