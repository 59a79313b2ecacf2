"""The report of a scan from those of its joints: the two held against each other."""

from __future__ import annotations

from collections.abc import Mapping

from negvol_cli.geometry.grid import Vector
from negvol_cli.report import Asymmetry, JointReport, ScanReport, Status
from negvol_cli.settings import ClipSettings
from negvol_cli.steps.self_check import doubt_pair, size_flags
from negvol_cli.steps.uncertainty import asymmetry_points
from negvol_cli.structures import Side


def scan_report(
    joints: Mapping[Side, JointReport],
    *,
    name: str,
    spacing_mm_xyz: Vector,
    clip: ClipSettings,
    flags: tuple[str, ...],
) -> ScanReport:
    """The report of the scan ``name``: each joint doubted beside the other, and the asymmetry.

    ``flags`` are what is known against the scan as a whole.
    """
    right, left = doubt_pair(joints[Side.RIGHT], joints[Side.LEFT])
    return ScanReport(
        scan=name,
        spacing_mm_xyz=spacing_mm_xyz,
        right=right,
        left=left,
        nv_asymmetry=_asymmetry(left, right, "nv_mm3"),
        articular_nv_asymmetry=_asymmetry(left, right, "articular_nv_mm3"),
        nv_asymmetry_points=_asymmetry_points(left, right, "nv_mm3"),
        articular_nv_asymmetry_points=_asymmetry_points(left, right, "articular_nv_mm3"),
        flags=(*flags, *size_flags(right, left)),
        clip=_clip_text(clip),
    )


def points_between(left: JointReport, right: JointReport, figure: str) -> float | None:
    """Half the 95 % interval of 100·(L-R)/(L+R) of a volume by its name; None without intervals."""
    of_left, of_right = getattr(left, figure), getattr(right, figure)
    if of_left is None or of_right is None or left.uncertainty is None or right.uncertainty is None:
        return None
    return asymmetry_points(
        (of_left, getattr(left.uncertainty, figure)),
        (of_right, getattr(right.uncertainty, figure)),
    )


def _asymmetry(left: JointReport, right: JointReport, figure: str) -> Asymmetry | None:
    if left.status is not Status.OK or right.status is not Status.OK:
        return None
    return Asymmetry.between(getattr(left, figure), getattr(right, figure))


def _asymmetry_points(left: JointReport, right: JointReport, figure: str) -> float | None:
    """Half the 95 % interval of the asymmetry index, where there is an asymmetry."""
    if _asymmetry(left, right, figure) is None:
        return None
    return points_between(left, right, figure)


def _clip_text(clip: ClipSettings) -> str:
    return f"{clip.shape} of {clip.width_mm:g} mm"
