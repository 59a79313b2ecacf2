"""Stored joints as they are drawn: both in one joint frame, BEFORE's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from negvol_cli.comparison.compared import Overlay
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.comparison.stored import StoredJoint
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.process_axis import SUPERIOR, Axis
from negvol_cli.structures import AIR_HU, Side

NO_SPACE = JointSpace(**dict.fromkeys(JointSpace.__dataclass_fields__))


def views_of(overlay: Overlay) -> tuple[JointView, JointView]:
    """BEFORE's joint, and AFTER's as the cranial base lays it, in BEFORE's joint frame.

    The condyle of each carries its joint space.
    """
    frame = JointFrame(overlay.side, vector(overlay.before.centre_mm))
    return (
        _view(overlay.before, frame, Rigid.identity()),
        _view(overlay.after, frame, overlay.base),
    )


def painted(view: JointView, values_mm: npt.NDArray[np.float64]) -> JointView:
    """The view with other values (V,) on its condyle."""
    return replace(view, geometry=replace(view.geometry, joint_space_mm=values_mm))


def frame_mesh(mesh: Mesh, frame: JointFrame) -> Mesh:
    """A mesh in LPS mm turned into frame mm, wound outward though the right is mirrored."""
    triangles = mesh.triangles[:, ::-1] if frame.side is Side.RIGHT else mesh.triangles
    return Mesh(frame.to_frame(mesh.points_mm), np.ascontiguousarray(triangles))


def _view(joint: StoredJoint, frame: JointFrame, by: Rigid) -> JointView:
    condyle, bone, inflated = (
        frame_mesh(by.moved(mesh), frame)
        for mesh in (joint.condyle, joint.temporal_bone, joint.inflated)
    )
    report = joint.report
    centre = vector(frame.to_frame(by(joint.centre_mm)))
    shape = frame.local_grid.shape_zyx
    geometry = JointGeometry(
        frame=frame,
        condyle=condyle,
        temporal_bone=bone,
        inflated=inflated,
        joint_space_mm=joint.joint_space_mm,
        of_head=np.isfinite(joint.joint_space_mm),
        labels_zyx=np.zeros(shape, dtype=np.uint8),
        axis=Axis(SUPERIOR, centre),
        apex_mm=centre,
        head_centre_mm=centre,
        head_volume_mm3=report.head_volume_mm3 or 0.0,
        nv_mm3=report.nv_mm3 or 0.0,
        nv_voxel_mm3=report.nv_voxel_mm3 or 0.0,
        articular_nv_mm3=report.articular_nv_mm3 or 0.0,
        joint_space=report.joint_space_mm or NO_SPACE,
        watertight=bool(report.watertight),
    )
    return JointView(geometry, _hu(joint.ct, frame, by))


def _hu(ct: Volume | None, frame: JointFrame, by: Rigid) -> npt.NDArray[np.float32]:
    """The CT, taken along by a motion, over the frame in frame order; air where there is none."""
    if ct is None:
        return np.full(frame.grid.shape_zyx, AIR_HU, dtype=np.float32)
    old = ct.grid
    turned = (by.turn @ old.rotation).ravel().tolist()
    grid = Grid(old.size_xyz, old.spacing_mm_xyz, vector(by(old.origin_mm_xyz)), tuple(turned))
    return frame_hu(Volume(ct.values_zyx, grid), frame)
