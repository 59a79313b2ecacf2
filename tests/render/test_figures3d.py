from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render.figures3d import cameras, joint_parts
from negvol_cli.render.figures3d import joint_figure as figure_of_parts
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side
from tests.render.conftest import HEAD_CENTRE, INFLATED_MM, with_reference

MakeView = Callable[..., JointView]


def joint_figure(view: JointView, *, with_nv: bool = True) -> dict[str, Any]:
    return figure_of_parts(view.side, joint_parts(view, with_nv=with_nv))


def unpacked(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}")


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [trace for trace in figure["data"] if trace.get("name") == name]
    return found


def mesh_of(trace: dict[str, Any]) -> Mesh:
    points = np.stack([unpacked(trace[name]) for name in "xyz"], axis=1).astype(float)
    triangles = np.stack([unpacked(trace[name]) for name in "ijk"], axis=1).astype(np.int32)
    return Mesh(points, triangles)


@pytest.mark.parametrize("side", list(Side))
def test_meshes_stand_about_the_head_centre_and_face_outward(make_view: MakeView, side: Side):
    inflated = mesh_of(trace(joint_figure(make_view(side)), "Condyle and negative volume"))

    assert np.linalg.norm(inflated.points_mm, axis=1) == pytest.approx(INFLATED_MM, abs=0.1)
    assert inflated.volume_mm3 == pytest.approx(4 / 3 * np.pi * INFLATED_MM**3, rel=0.02)


@pytest.mark.parametrize(("side", "lateral"), [(Side.RIGHT, -1.0), (Side.LEFT, 1.0)])
def test_the_lateral_pole_is_on_the_patients_own_side(
    make_view: MakeView, side: Side, lateral: float
):
    view = make_view(side)
    points = view.geometry.condyle.points_mm
    pole = points[:, 0] > HEAD_CENTRE[0] + 5
    view.geometry.joint_space_mm[:] = np.where(pole, 2.0, np.nan)
    painted = mesh_of(trace(joint_figure(view), "Joint space"))

    assert (painted.points_mm[:, 0] * lateral > 4.5).all()


def test_the_joint_space_is_painted_on_the_same_scale_left_and_right(make_view: MakeView):
    right, left = (trace(joint_figure(make_view(side)), "Joint space") for side in Side)

    assert unpacked(right["intensity"]) == pytest.approx(4.0)
    assert (mesh_of(right).points_mm[:, 2] > -0.1).all()
    for key in ("cmin", "cmax", "colorscale"):
        assert right[key] == left[key]


def test_every_triangle_of_the_condyle_is_painted_or_plain(make_view: MakeView):
    view = make_view(Side.LEFT)
    figure = joint_figure(view)
    parts = [mesh_of(trace(figure, name)) for name in ("Condyle", "Joint space")]

    assert sum(len(part.triangles) for part in parts) == len(view.geometry.condyle.triangles)
    assert sum(part.volume_mm3 for part in parts) == pytest.approx(
        view.geometry.condyle.volume_mm3, rel=1e-4
    )


def test_both_scenes_are_of_one_size(make_view: MakeView):
    right, left = (joint_figure(make_view(side))["layout"] for side in Side)

    assert right == left


def test_the_first_view_looks_from_the_joints_own_side():
    for side, sign in ((Side.RIGHT, -1), (Side.LEFT, 1)):
        name, camera = next(iter(cameras(side).items()))

        assert name == "Lateral"
        assert camera["eye"]["x"] * sign > 1


def test_a_joint_without_temporal_bone_can_be_drawn(make_view: MakeView):
    view = make_view(Side.LEFT)
    geometry = view.geometry
    bare = type(geometry)(
        **{
            name: getattr(geometry, name)
            for name in geometry.__slots__
            if name not in ("temporal_bone", "joint_space_mm")
        },
        temporal_bone=Mesh.empty(),
        joint_space_mm=np.full(len(geometry.condyle.points_mm), np.nan),
    )
    figure = joint_figure(JointView(bare, view.hu_zyx))

    assert mesh_of(trace(figure, "Temporal bone")).is_empty
    assert mesh_of(trace(figure, "Joint space")).is_empty


def test_without_a_figure_of_the_negative_volume_it_is_not_drawn(make_view: MakeView):
    figure = joint_figure(make_view(Side.LEFT), with_nv=False)

    assert {trace["meta"] for trace in figure["data"]} == {"condyle", "temporal_bone"}


@pytest.mark.parametrize("side", list(Side))
def test_the_condyle_of_a_reference_is_a_mesh_of_its_own(make_view: MakeView, side: Side):
    view = with_reference(make_view(side), radius_mm=9.0)
    reference = mesh_of(trace(joint_figure(view), "Reference condyle"))

    assert np.linalg.norm(reference.points_mm, axis=1) == pytest.approx(9.0, abs=0.6)
    assert reference.volume_mm3 == pytest.approx(4 / 3 * np.pi * 9.0**3, rel=0.06)
