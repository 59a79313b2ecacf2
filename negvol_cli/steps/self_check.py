"""The status of a measured joint: ok, cut by the field of view, or implausible and why."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Volume, vector
from negvol_cli.report import Check, JointReport, Status
from negvol_cli.settings import ClipSettings, ClipShape, Settings
from negvol_cli.steps.calibrate_hu import TRUE_TISSUE_HU
from negvol_cli.steps.check_between import RESOLVED, unresolved_at_top
from negvol_cli.steps.checks import SeenEdges, check_joint, check_pair, failed, frame_blur_mm
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.limits import TISSUE
from negvol_cli.steps.localise import BETWEEN_JOINTS_MM, FoundJoint
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label, Side

CUT_FRACTION: Final = 0.005
"""Of the clip or of a joint frame: less not scanned is a cap of the sphere 1.2 mm high at most."""
MOST_UNSEEN: Final = 0.1
"""Of the clip: where more of it was not scanned, not even a lower bound is given."""
LEAST_SPHERE_MM: Final = 20.0
"""A smaller one holds little but the condylar head, which is about 18 mm wide."""
ABOVE_APEX_MM: Final = 6.0
"""The roof of the fossa above a normal joint space lies within it."""

METAL_HU: Final = 3000.0
"""Above enamel, the densest tissue (up to about 3000 HU); a 12-bit scanner clips metal at 3071."""

AGAINST_CT: Final = "against the CT, as drawn by hand: "
"""How the flag begins of a check that a person's outline fails."""

USUAL_APART_MM: Final = (78.0, 118.0)
"""Between the condyles of the 100 heads with marks (docs/data.md): 81 to 112 mm, on average 101
with a standard deviation of 5.7."""

UNRESOLVED_SHARE: Final = 0.5
"""Of the condyle's top. A phantom whose condyle all but touches the eminence is drawn into it, with
NV 4 to 8 % and the head 8 to 14 % too small, and has 0.58 to 0.84 in seven scanners
(``benchmarks.phantom_truth``, head 5, left); sixteen real joints have 0 to 0.44, but for one (0.82)
in slices of 1.8 mm and those in slices of 3 mm (1.0)."""

LEAST_METAL_MM3: Final = 5.0
"""A few voxels of noise at a scanner's upper limit stay below it."""


def judge(
    geometry: JointGeometry,
    found: FoundJoint | None,
    recorded_zyx: npt.NDArray[np.bool_] | None,
    settings: Settings,
    *,
    network: JointImages | None = None,
    refined: JointImages | None = None,
    edges: SeenEdges | None = None,
    voxel_mm: float | None = None,
    excused: frozenset[str] = frozenset(),
) -> JointReport:
    """Return the report of one joint, without the figures that the field of view or errors spoil.

    ``geometry`` has labels 0 where the scan has no data, which is where ``recorded_zyx`` is false,
    in frame order (None: nowhere). ``found`` is the localiser's result, if there was one.
    ``network`` and ``refined`` are the joint as the networks gave it and as it was measured, and
    ``edges`` what the scan showed of them; None where there is no CT. ``voxel_mm`` is the longest
    edge of its voxels, None where the networks did not outline the joint. ``excused`` checks only
    flag.
    """
    head_seen = recorded_zyx is None or _head_is_seen(geometry, recorded_zyx, settings)
    checks = check_joint(
        geometry, network, refined, head_seen=head_seen, edges=edges, voxel_mm=voxel_mm
    )
    cut = geometry.unseen_fraction > CUT_FRACTION
    bound = _scanned_nv_mm3(geometry) if head_seen and cut else None
    report = JointReport(
        side=geometry.frame.side,
        status=Status.CUT if cut else Status.OK,
        reason=_cut_reason(geometry, recorded_zyx, settings, bound) if cut else "",
        centre_mm_xyz=found.centre_mm_xyz if found else None,
        confidence=found.confidence if found else None,
        head_centre_mm_xyz=vector(geometry.frame.to_world(geometry.head_centre_mm)),
        head_volume_mm3=geometry.head_volume_mm3 if head_seen else None,
        nv_mm3=None if cut else geometry.nv_mm3,
        nv_voxel_mm3=None if cut else geometry.nv_voxel_mm3,
        nv_lower_bound_mm3=bound,
        articular_nv_mm3=None if cut else geometry.articular_nv_mm3,
        joint_space_mm=geometry.joint_space if head_seen else None,
        watertight=geometry.watertight,
        flags=(
            *_sphere_flags(settings.clip),
            *geometry.flags,
            *_frame_flags(geometry, recorded_zyx),
            *_tissue_flags(checks),
            *_top_flags(geometry, edges, voxel_mm),
        ),
        checks=checks,
    )
    return _unless_failed(report, excused)


def _unless_failed(report: JointReport, excused: frozenset[str]) -> JointReport:
    """Return the report, without its figures where a check failed that is not ``excused``."""
    every = failed(report.checks)
    said = tuple(f"{AGAINST_CT}{check.why}" for check in every if check.name in excused)
    report = replace(report, flags=(*report.flags, *said))
    wrong = tuple(check for check in every if check.name not in excused)
    if not wrong:
        return report
    others = tuple(f"also: {check.why}" for check in wrong[1:])
    return implausible(replace(report, flags=(*report.flags, *others)), wrong[0].why)


def implausible(joint: JointReport, reason: str) -> JointReport:
    """Return the joint's report without any figure, with the reason."""
    return replace(
        joint,
        status=Status.IMPLAUSIBLE,
        reason=reason,
        head_volume_mm3=None,
        nv_mm3=None,
        nv_voxel_mm3=None,
        nv_lower_bound_mm3=None,
        articular_nv_mm3=None,
        joint_space_mm=None,
        uncertainty=None,
    )


def missing(side: Side, other: FoundJoint | None, volume: Volume) -> JointReport:
    """Return the report of a joint that was not found: cut, if it would lie outside the scan.

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
    """Return the volume denser than any bone (above 3000 HU) in a joint frame; 0 below 5 mm³."""
    volume = float((hu_zyx > METAL_HU).sum()) * spacing_mm**3
    return volume if volume >= LEAST_METAL_MM3 else 0.0


def metal_flags(hu_zyx: npt.NDArray[np.float32], spacing_mm: float) -> tuple[Flag, ...]:
    """Return a flag if there is metal in a joint frame, whose streaks spoil edges."""
    volume = metal_mm3(hu_zyx, spacing_mm)
    if volume == 0:
        return ()
    text = f"metal near the joint: {volume:.0f} mm³ above {METAL_HU:.0f} HU"
    return (Flag(FlagKind.METAL, text, volume),)


def doubt_pair(right: JointReport, left: JointReport) -> tuple[JointReport, JointReport]:
    """Check both reports against each other: heads too near, too far apart, crossed, or unlike.

    A joint that would be ok or cut then becomes implausible, because it cannot be told which of the
    two is wrong.
    """
    checks = check_pair(right, left)
    wrong = failed(checks)
    both = []
    for joint in (right, left):
        joint = replace(joint, checks=(*joint.checks, *checks))
        if wrong and joint.status in (Status.OK, Status.CUT):
            joint = implausible(joint, wrong[0].why)
        both.append(joint)
    return both[0], both[1]


def size_flags(right: JointReport, left: JointReport) -> tuple[str, ...]:
    """Return a flag where the head is so small or large that its voxels' size may be wrong."""
    if right.head_centre_mm_xyz is None or left.head_centre_mm_xyz is None:
        return ()
    apart = math.dist(right.head_centre_mm_xyz, left.head_centre_mm_xyz)
    least, most = USUAL_APART_MM
    if least <= apart <= most:
        return ()
    size = "small, as a child's," if apart < least else "very large,"
    return (
        f"the condyles lie {apart:.0f} mm apart (in adults {least:.0f} to {most:.0f}): the head is "
        f"{size} or its voxels are not of the size that the header gives and all figures are wrong",
    )


def _cut_reason(
    geometry: JointGeometry,
    recorded_zyx: npt.NDArray[np.bool_] | None,
    settings: Settings,
    bound_mm3: float | None,
) -> str:
    """How much of the clip was not scanned, and what can be had all the same."""
    shape = settings.clip.shape
    said = f"{geometry.unseen_fraction:.0%} of the measurement {shape} not scanned"
    if bound_mm3 is not None:
        said += f", NV is at least {bound_mm3:.0f} mm³"
    fits = 0.0 if recorded_zyx is None else largest_sphere_mm(geometry, recorded_zyx)
    if shape is ClipShape.SPHERE and LEAST_SPHERE_MM <= fits < settings.clip.width_mm:
        said += f"; a sphere of {fits:.0f} mm fits (--sphere-mm {fits:.0f})"
    return said


def largest_sphere_mm(geometry: JointGeometry, recorded_zyx: npt.NDArray[np.bool_]) -> float:
    """Return the width, in whole mm, of the largest fully scanned sphere about the head centre."""
    grid = geometry.frame.local_grid
    unseen = grid.to_world(np.argwhere(~recorded_zyx)[:, ::-1])
    if not len(unseen):
        return float(geometry.frame.size * geometry.frame.spacing_mm)
    away = float(np.linalg.norm(unseen - geometry.head_centre_mm, axis=1).min())
    return float(np.floor(max(0.0, 2.0 * away - geometry.frame.spacing_mm)))


def _scanned_nv_mm3(geometry: JointGeometry) -> float | None:
    """NV of what was scanned, in mm³; None where too much was not."""
    if geometry.unseen_fraction > MOST_UNSEEN:
        return None
    voxels = int((geometry.labels_zyx == Label.NEGATIVE_VOLUME).sum())
    return voxels * geometry.frame.local_grid.voxel_mm3


def _sphere_flags(clip: ClipSettings) -> tuple[str, ...]:
    """A flag where the measurement sphere does not reach as far as the roof of the fossa."""
    if clip.width_mm >= LEAST_SPHERE_MM:
        return ()
    return (
        f"a measurement sphere of {clip.width_mm:g} mm holds little but the condylar head: take "
        f"one of {LEAST_SPHERE_MM:.0f} mm or more",
    )


def _tissue_flags(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """A flag where soft tissue about this joint is not where it is in the scan, by its HU."""
    low, high = TRUE_TISSUE_HU
    for check in checks:
        if check.name == TISSUE.name and check.value is not None and not low <= check.value <= high:
            return (
                f"soft tissue about the joint lies at {check.value:.0f} HU, unlike the whole "
                "scan's: the bones' edges are told by the joint's own",
            )
    return ()


def _top_flags(
    geometry: JointGeometry, edges: SeenEdges | None, voxel_mm: float | None
) -> tuple[str, ...]:
    """A flag where the scan hardly shows the condyle's top apart from the temporal bone."""
    if edges is None:
        return ()
    blur_mm = frame_blur_mm(edges[1], voxel_mm)
    share = unresolved_at_top(geometry, blur_mm)
    if share < UNRESOLVED_SHARE:
        return ()
    return (
        f"over {share:.0%} of the condyle's top the joint space is under {RESOLVED * blur_mm:.1f} "
        "mm, which this scan does not resolve: look at the outline there",
    )


def _frame_flags(
    geometry: JointGeometry, recorded_zyx: npt.NDArray[np.bool_] | None
) -> tuple[str, ...]:
    unseen = 0.0 if recorded_zyx is None else 1.0 - float(recorded_zyx.mean())
    if unseen <= CUT_FRACTION:
        return ()
    frame = geometry.frame
    return (f"{unseen:.0%} of the {frame.size * frame.spacing_mm:.0f} mm joint frame not scanned",)


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
