"""A made-up report and made-up joints: spheres, whose pictures are known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from skimage.measure import marching_cubes

from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import (
    Asymmetry,
    JointReport,
    JointSpace,
    ScanReport,
    Status,
    Uncertainty,
)
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.process_axis import Axis
from negvol_cli.structures import Label, Side

HEAD_CENTRE = (3.0, -2.0, 1.0)
CONDYLE_MM = 7.0
INFLATED_MM = 11.0
FRAME = {"spacing_mm": 1.0, "size": 64}


def sphere(radius_mm: float, step_mm: float = 1.0) -> Mesh:
    """A sphere about ``HEAD_CENTRE`` in frame mm, wound outward."""
    reach = radius_mm + 2 * step_mm
    at = np.arange(-reach, reach + step_mm / 2, step_mm)
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    inside = radius_mm - np.sqrt(x**2 + y**2 + z**2)
    points, triangles, _, _ = marching_cubes(inside, 0.0)
    return Mesh(points[:, ::-1] * step_mm - reach + HEAD_CENTRE, triangles.astype(np.int32))


@pytest.fixture(scope="session")
def make_view() -> Callable[..., JointView]:
    """A condyle of 7 mm, inflated to 11 mm, under a bone that is a shell of 15 mm.

    The upper half of the condyle has a joint space of 4 mm; the CT is air, with bone more than
    17 mm lateral, posterior or superior of the head centre, as ``bony`` says.
    """

    def make(side: Side, bony: str = "", step_mm: float = 1.0) -> JointView:
        frame = JointFrame(side, (50.0, 60.0, 70.0), **FRAME)
        at = (np.arange(64) - 31.5)[:, None] - HEAD_CENTRE
        hu = np.full((64, 64, 64), -1000.0, dtype=np.float32)
        if bony == "lateral":
            hu[:, :, at[:, 0] > 17] = 1600
        if bony == "posterior":
            hu[:, at[:, 1] > 17, :] = 1600
        if bony == "superior":
            hu[at[:, 2] > 17, :, :] = 1600
        condyle = sphere(CONDYLE_MM, step_mm)
        space = np.where(condyle.points_mm[:, 2] > HEAD_CENTRE[2], 4.0, np.nan)
        geometry = JointGeometry(
            frame=frame,
            condyle=condyle,
            temporal_bone=sphere(15.0, step_mm),
            inflated=sphere(INFLATED_MM, step_mm),
            joint_space_mm=space,
            of_head=np.ones(len(condyle.points_mm), dtype=np.bool_),
            labels_zyx=np.zeros((64, 64, 64), dtype=np.uint8),
            axis=Axis((0.0, 0.0, 1.0), HEAD_CENTRE),
            apex_mm=(3.0, -2.0, 8.0),
            head_centre_mm=HEAD_CENTRE,
            head_volume_mm3=1436.8,
            nv_mm3=4138.6,
            nv_voxel_mm3=4140.0,
            articular_nv_mm3=2069.3,
            joint_space=spaces(),
            watertight=True,
        )
        return JointView(geometry, hu)

    return make


def with_reference(view: JointView, radius_mm: float) -> JointView:
    """The picture with a reference whose condyle is a ball about the head centre."""
    at = (np.arange(64) - 31.5)[:, None] - HEAD_CENTRE
    z, y, x = np.meshgrid(at[:, 2], at[:, 1], at[:, 0], indexing="ij")
    ball = np.sqrt(x**2 + y**2 + z**2) <= radius_mm
    return replace(view, reference_zyx=np.where(ball, Label.CONDYLE, 0).astype(np.uint8))


def spaces() -> JointSpace:
    return JointSpace(
        narrowest=1.23, superior=2.51, anterior=1.96, posterior=2.81, medial=3.34, lateral=None
    )


@pytest.fixture(scope="session")
def report() -> ScanReport:
    """Both joints measured, the right one larger; one flag on the scan and one on a joint."""
    right = JointReport(
        side=Side.RIGHT,
        status=Status.OK,
        centre_mm_xyz=(-50.0, 60.0, 70.0),
        confidence=0.98,
        head_centre_mm_xyz=(-51.0, 61.0, 72.0),
        head_volume_mm3=1843.2,
        nv_mm3=2315.4,
        nv_voxel_mm3=2330.1,
        articular_nv_mm3=1204.9,
        joint_space_mm=spaces(),
        watertight=True,
        flags=("the meshes touch",),
    )
    left = JointReport(
        side=Side.LEFT,
        status=Status.OK,
        head_volume_mm3=1843.4,
        nv_mm3=1921.8,
        nv_voxel_mm3=1921.8,
        articular_nv_mm3=1410.0,
        joint_space_mm=JointSpace(
            narrowest=0.0, superior=3.0, anterior=None, posterior=2.0, medial=1.0, lateral=4.0
        ),
        watertight=True,
    )
    return both(right, left, flags=("slices are 3.0 mm thick",))


@pytest.fixture(scope="session")
def uncertain(report: ScanReport) -> ScanReport:
    """The report with intervals: 97 mm³ about NV, 0.3 mm about each joint space."""
    spaces_mm = JointSpace(**dict.fromkeys(asdict(spaces()), 0.3))
    halves = Uncertainty(
        head_volume_mm3=41.0, nv_mm3=97.0, articular_nv_mm3=55.0, joint_space_mm=spaces_mm
    )
    right, left = (replace(joint, uncertainty=halves) for joint in report.joints)
    return replace(report, right=right, left=left)


@pytest.fixture(scope="session")
def one_joint(report: ScanReport) -> ScanReport:
    """Only the right joint measured."""
    left = JointReport(side=Side.LEFT, status=Status.CUT, reason="it ends 12 mm short")
    return both(report.right, left)


def both(right: JointReport, left: JointReport, flags: tuple[str, ...] = ()) -> ScanReport:
    return ScanReport(
        scan="head 7",
        spacing_mm_xyz=(0.5, 0.5, 3.0),
        right=right,
        left=left,
        nv_asymmetry=Asymmetry.between(left.nv_mm3, right.nv_mm3),
        articular_nv_asymmetry=Asymmetry.between(left.articular_nv_mm3, right.articular_nv_mm3),
        flags=flags,
        bundle="negvol-default 0.1.0",
        provider="CPU (libcuda.so.1 is not there)",
        mesh_backend="pymeshlab",
        clip="sphere of 30 mm",
    )
