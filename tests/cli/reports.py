"""A report with figures that are easy to recognise."""

from __future__ import annotations

from negvol_cli.report import Asymmetry, JointReport, JointSpace, ScanReport, Status
from negvol_cli.structures import Side


def joint(side: Side, nv_mm3: float) -> JointReport:
    return JointReport(
        side=side,
        status=Status.OK,
        centre_mm_xyz=(0.0, 0.0, 0.0),
        confidence=0.9,
        head_centre_mm_xyz=(50.0 if side is Side.LEFT else -50.0, 0.0, 0.0),
        head_volume_mm3=1500.0,
        nv_mm3=nv_mm3,
        nv_voxel_mm3=nv_mm3,
        articular_nv_mm3=nv_mm3 / 10,
        joint_space_mm=JointSpace(
            narrowest=1.5,
            superior=2.5,
            anterior=2.0,
            posterior=3.0,
            medial=3.5,
            lateral=float("nan"),
        ),
        watertight=True,
    )


def report(*, right_mm3: float = 3000.0, left_mm3: float = 5000.0) -> ScanReport:
    return ScanReport(
        scan="head",
        spacing_mm_xyz=(0.8, 0.8, 0.8),
        right=joint(Side.RIGHT, right_mm3),
        left=joint(Side.LEFT, left_mm3),
        nv_asymmetry=Asymmetry.between(left_mm3, right_mm3),
        articular_nv_asymmetry=Asymmetry.between(left_mm3 / 10, right_mm3 / 10),
        bundle="tiny 1.0 (0123456789ab)",
        provider="CPU",
        mesh_backend="pymeshlab",
        clip="sphere of 30 mm",
    )
