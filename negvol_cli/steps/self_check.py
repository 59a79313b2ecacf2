"""What may be said of a measured joint: ok, cut by the field of view, or implausible and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Volume
from negvol_cli.report import JointReport, Status
from negvol_cli.settings import Settings
from negvol_cli.steps.localise import BETWEEN_JOINTS_MM, FoundJoint
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label, Side

CUT_FRACTION: Final = 0.005
HEAD_VOLUME_MM3: Final = (250.0, 5000.0)
WIDEST_JOINT_SPACE_MM: Final = 12.0
FARTHEST_HEAD_MM: Final = 15.0
ABOVE_APEX_MM: Final = 6.0
METAL_HU: Final = 3000.0
LEAST_METAL_MM3: Final = 5.0


def judge(
    geometry: JointGeometry,
    found: FoundJoint | None,
    recorded_zyx: npt.NDArray[np.bool_] | None,
    settings: Settings,
) -> JointReport:
    """The report of one joint; figures that the field of view or nonsense spoils are None.

    ``found`` is what the localiser said, None where there was none; ``recorded_zyx`` is false,
    in frame order, where the scan has no data.
    """
    status, reason = Status.OK, ""
    if geometry.unseen_fraction > CUT_FRACTION:
        status = Status.CUT
        reason = f"{geometry.unseen_fraction:.0%} of the clip not scanned"
    elif why := _implausible(geometry):
        status, reason = Status.IMPLAUSIBLE, why
    head_seen = recorded_zyx is None or _head_is_seen(geometry, recorded_zyx, settings)
    whole = status is not Status.CUT
    head_centre = geometry.frame.to_world(geometry.head_centre_mm)
    return JointReport(
        side=geometry.frame.side,
        status=status,
        reason=reason,
        centre_mm_xyz=found.centre_mm_xyz if found else None,
        confidence=found.confidence if found else None,
        head_centre_mm_xyz=(float(head_centre[0]), float(head_centre[1]), float(head_centre[2])),
        head_volume_mm3=geometry.head_volume_mm3 if head_seen else None,
        nv_mm3=geometry.nv_mm3 if whole else None,
        nv_voxel_mm3=geometry.nv_voxel_mm3 if whole else None,
        articular_nv_mm3=geometry.articular_nv_mm3 if whole else None,
        joint_space_mm=geometry.joint_space if head_seen else None,
        watertight=geometry.watertight,
        flags=(*geometry.flags, *_frame_flags(geometry, recorded_zyx)),
    )


def missing(side: Side, other: FoundJoint | None, volume: Volume) -> JointReport:
    """The report of a joint that was not found: cut, if it would lie outside the scan.

    It is expected where the ``other`` joint is, a head's width to this ``side``.
    """
    if other is None:
        return JointReport(side=side, status=Status.NOT_FOUND)
    x, y, z = other.centre_mm_xyz
    step = 1.0 if side is Side.LEFT else -1.0
    nearest = np.array([[x + step * BETWEEN_JOINTS_MM[0], y, z]])
    if not volume.grid.contains(nearest)[0]:
        return JointReport(side=side, status=Status.CUT, reason="it lies outside the scan")
    return JointReport(side=side, status=Status.NOT_FOUND)


def metal_mm3(hu_zyx: npt.NDArray[np.float32], spacing_mm: float) -> float:
    """The volume denser than any bone (above 3000 HU) in a joint frame; 0 below 5 mm³."""
    volume = float((hu_zyx > METAL_HU).sum()) * spacing_mm**3
    return volume if volume >= LEAST_METAL_MM3 else 0.0


def metal_flags(hu_zyx: npt.NDArray[np.float32], spacing_mm: float) -> tuple[str, ...]:
    """A flag in words where there is metal in a joint frame, whose streaks spoil edges."""
    volume = metal_mm3(hu_zyx, spacing_mm)
    if volume == 0:
        return ()
    return (f"metal near the joint: {volume:.0f} mm³ above {METAL_HU:.0f} HU",)


def doubt_distance(right: JointReport, left: JointReport) -> tuple[JointReport, JointReport]:
    """Both reports, implausible instead of ok where the heads lie too near, too far, or crossed."""
    if right.head_centre_mm_xyz is None or left.head_centre_mm_xyz is None:
        return right, left
    apart = float(np.linalg.norm(np.subtract(right.head_centre_mm_xyz, left.head_centre_mm_xyz)))
    least, most = BETWEEN_JOINTS_MM
    if least <= apart <= most and left.head_centre_mm_xyz[0] > right.head_centre_mm_xyz[0]:
        return right, left
    reason = f"the condyles lie {apart:.0f} mm apart (expected {least:.0f} to {most:.0f})"
    doubted = (
        replace(joint, status=Status.IMPLAUSIBLE, reason=reason)
        if joint.status is Status.OK
        else joint
        for joint in (right, left)
    )
    return next(doubted), next(doubted)


def _frame_flags(
    geometry: JointGeometry, recorded_zyx: npt.NDArray[np.bool_] | None
) -> tuple[str, ...]:
    unseen = 0.0 if recorded_zyx is None else 1.0 - float(recorded_zyx.mean())
    if unseen <= CUT_FRACTION:
        return ()
    frame = geometry.frame
    return (f"{unseen:.0%} of the {frame.size * frame.spacing_mm:.0f} mm joint frame not scanned",)


def _implausible(geometry: JointGeometry) -> str:
    least, most = HEAD_VOLUME_MM3
    if not least <= geometry.head_volume_mm3 <= most:
        return (
            f"condylar head of {geometry.head_volume_mm3:.0f} mm³ "
            f"(expected {least:.0f} to {most:.0f})"
        )
    away = float(np.linalg.norm(geometry.head_centre_mm))
    if away > FARTHEST_HEAD_MM:
        return f"condylar head {away:.0f} mm from where the joint was found"
    if not (geometry.labels_zyx == Label.TEMPORAL_BONE).any():
        return "no temporal bone was found"
    superior = geometry.joint_space.superior
    if superior is None:
        return "no temporal bone above the condyle"
    if superior > WIDEST_JOINT_SPACE_MM:
        return f"superior joint space of {superior:.1f} mm"
    return ""


def _head_is_seen(
    geometry: JointGeometry, recorded_zyx: npt.NDArray[np.bool_], settings: Settings
) -> bool:
    grid = geometry.frame.local_grid
    where = np.argwhere(~recorded_zyx)[:, ::-1]
    unseen: Points = grid.to_world(where)
    apex = geometry.axis.along(np.array([geometry.apex_mm]))[0]
    along = geometry.axis.along(unseen) - apex
    level = (along >= -settings.head.depth_mm) & (along <= ABOVE_APEX_MM)
    beside = geometry.axis.across(unseen) <= settings.head.radius_mm
    return not bool((beside & level).any())
