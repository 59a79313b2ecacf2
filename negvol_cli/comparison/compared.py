"""Two results of one patient compared: from their folders' contents to a ``Comparison``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from negvol_cli.comparison import cranial_base
from negvol_cli.comparison.condyle import (
    Condyle,
    Condyles,
    Laid,
    movement,
    remodelling,
)
from negvol_cli.comparison.intensities import mask_about, refined
from negvol_cli.comparison.registration import Fit
from negvol_cli.comparison.report import (
    Change,
    Comparison,
    JointComparison,
    Outcome,
    Registered,
)
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.comparison.stored import StoredJoint, StoredResult
from negvol_cli.comparison.verdict import (
    OTHER_BONE_MM,
    OTHER_CONDYLE_MM,
    apart_mm,
    does_not_fit,
    flags,
    of_one_clip,
    of_one_patient,
    opened,
    refuse_other_patient,
)
from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Points
from negvol_cli.report import Asymmetry, JointSpace, Status
from negvol_cli.steps.uncertainty import TWO_SIDED_95
from negvol_cli.structures import Side

Scalars = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One joint of both results in BEFORE's world, LPS mm, to be drawn and saved.

    ``distance_mm`` (V,) at the vertices of ``after``, AFTER's condyle as the cranial base lays it:
    its signed distance to BEFORE's. ``change_mm`` (V,): the same with the condyles laid onto each
    other, so that the movement is out; None where they could not be.
    """

    side: Side
    base: Rigid
    before: StoredJoint
    after: StoredJoint
    condyles: Condyles
    distance_mm: Scalars
    change_mm: Scalars | None


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A comparison with what is needed to draw and to save it."""

    comparison: Comparison
    before: StoredResult
    after: StoredResult
    overlays: Mapping[Side, Overlay]


def compare_results(before: StoredResult, after: StoredResult) -> Compared:
    """Compare two results joint by joint.

    Raises
    ------
    InputError
        They are of two patients, or no joint of one can be compared with that of the other.
    """
    refuse_other_patient(before.report, after.report)
    bases = cranial_base.bases_of(before.joints), cranial_base.bases_of(after.joints)
    fits = cranial_base.lay(bases[1], bases[0])
    good = {side: fit for side, fit in fits.items() if fit.residual_mm <= OTHER_BONE_MM}
    apart = apart_mm(before, fits)
    if fits and not of_one_patient(fits, apart):
        raise InputError(does_not_fit(fits, bases, apart))
    joints, overlays = {}, {}
    for side in Side:
        if side not in good:
            joints[side] = _not_compared(side, before, after, fits.get(side))
            continue
        joint, overlays[side] = _joint(before.joints[side], after.joints[side], good[side])
        joints[side] = joint if of_one_clip(before, after) else _without_spaces(joint)
    if not overlays:
        why = "; ".join(f"{side}: {joint.reason}" for side, joint in joints.items())
        raise InputError(f"no joint of the two results can be compared ({why})")
    comparison = Comparison(
        before=before.name,
        after=after.name,
        right=joints[Side.RIGHT],
        left=joints[Side.LEFT],
        flags=tuple(flags(before, after, apart)),
    )
    return Compared(_with_asymmetries(comparison, before, after), before, after, overlays)


def _not_compared(
    side: Side, before: StoredResult, after: StoredResult, fit: Fit | None
) -> JointComparison:
    """A joint that one of the results lacks, or whose bones do not fit."""
    lacking = [
        f"in {which} it is {result.why_not(side)}"
        for which, result in (("BEFORE", before), ("AFTER", after))
        if side not in result.joints
    ]
    if not lacking and fit is not None:
        lacking = [
            f"its temporal bones lie {fit.residual_mm:.1f} mm apart (median; at most "
            f"{OTHER_BONE_MM:g} mm)"
        ]
    reason = "; ".join(lacking) or "its temporal bones do not meet"
    return JointComparison(side=side, outcome=Outcome.NOT_COMPARED, reason=reason)


def _joint(before: StoredJoint, after: StoredJoint, rough: Fit) -> tuple[JointComparison, Overlay]:
    common_mm = float(np.hypot(before.common_mm, after.common_mm))
    base, by_intensity = _base_by_intensity(before, after, rough)
    condyles = Condyles(
        before.side,
        Condyle.of(before.condyle, before.centre_mm),
        Condyle.of(after.condyle, after.centre_mm).moved(base.motion),
    )
    distance = condyles.after.distance_to(condyles.before)
    overlay = Overlay(before.side, base.motion, before, after, condyles, distance, None)
    joint = JointComparison(
        side=before.side,
        outcome=Outcome.COMPARED,
        cranial_base=_registered(base, base.motion, by_intensity, before.centre_mm, common_mm),
        flags=(*_flags_of(before, "BEFORE"), *_flags_of(after, "AFTER")),
    )
    joint = _with_figures(joint, before, after)
    try:
        back = condyles.fit()
    except ValueError:
        back = None
    if back is None or back.residual_mm > OTHER_CONDYLE_MM:
        flag = "the condyle is not the same in both scans: its movement cannot be told"
        return replace(joint, flags=(flag, *joint.flags)), overlay
    laid = Laid.of(condyles.before, condyles.after.moved(back.motion))
    whole = back.motion.after(base.motion)
    joint = replace(
        joint,
        condyle=_registered(back, whole, False, before.centre_mm, common_mm),
        movement=movement(condyles, back, base, common_mm),
        remodelling=remodelling(laid, before.side, common_mm, back.spread_mm),
    )
    joint = _with_surface_halves(joint, common_mm, back.spread_mm)
    return _judged(joint), replace(overlay, change_mm=laid.change_mm)


def _flags_of(joint: StoredJoint, which: str) -> tuple[str, ...]:
    """What the result itself says against a joint."""
    report = joint.report
    cut = () if report.status is Status.OK else (report.status_text,)
    return tuple(f"{which}: {flag}" for flag in (*cut, *report.flags))


def _base_by_intensity(before: StoredJoint, after: StoredJoint, base: Fit) -> tuple[Fit, bool]:
    """The cranial base laid by intensity, beside the temporal bone and away from both condyles."""
    if before.ct is None or after.ct is None:
        return base, False
    condyles = [before.condyle.points_mm, base.motion(after.condyle.points_mm)]
    mask = mask_about(before.ct, before.temporal_bone.points_mm, np.concatenate(condyles))
    return refined(base, before.ct, after.ct, mask, before.centre_mm)


def _with_surface_halves(
    joint: JointComparison, common_mm: float, spread_mm: float
) -> JointComparison:
    """The joint with how far any point of the painted condyle may be off."""
    point = float(TWO_SIDED_95 * np.hypot(common_mm, spread_mm))
    base = joint.cranial_base.half_95_mm if joint.cranial_base else 0.0
    return replace(
        joint,
        surface_change_half_95_mm=point,
        surface_distance_half_95_mm=float(np.hypot(point, base)),
    )


def _judged(joint: JointComparison) -> JointComparison:
    """The joint without what an opened mouth forbids to compare."""
    why = None if joint.movement is None else opened(joint.movement)
    if why is None:
        return joint
    reason = f"{why}, so NV and joint spaces are not compared"
    return replace(_without_spaces(joint), outcome=Outcome.OPENED, reason=reason)


def _without_spaces(joint: JointComparison) -> JointComparison:
    """The joint with NV and joint spaces of both results, and not their differences."""
    return replace(
        joint,
        nv_mm3=_silent(joint.nv_mm3),
        articular_nv_mm3=_silent(joint.articular_nv_mm3),
        joint_space_mm={
            name: silent
            for name, change in joint.joint_space_mm.items()
            if (silent := _silent(change)) is not None
        },
    )


def _silent(change: Change | None) -> Change | None:
    """Both figures without their difference."""
    return None if change is None else replace(change, change=None, half_95=None, claimed=None)


def _registered(
    fit: Fit, motion: Rigid, by_intensity: bool, centre_mm: Points, common_mm: float
) -> Registered:
    """How well a bone lies, where ``motion`` takes all of AFTER so that it does."""
    worst = np.linalg.eigvalsh(fit.shift_covariance_at(centre_mm, common_mm))[-1]
    matrix = np.vstack([np.column_stack([motion.turn, motion.shift_mm]), [0.0, 0.0, 0.0, 1.0]])
    return Registered(
        by="intensities" if by_intensity else "surfaces",
        residual_mm=fit.residual_mm,
        overlap=fit.overlap,
        half_95_mm=float(TWO_SIDED_95 * np.sqrt(max(worst, 0.0))),
        matrix=tuple(float(value) for value in matrix.ravel()),
    )


def _with_figures(
    joint: JointComparison, before: StoredJoint, after: StoredJoint
) -> JointComparison:
    """The joint with the changes of its figures."""
    a, b = before.report, after.report
    volumes: dict[str, Any] = {
        name: Change.between(
            (getattr(a, name), getattr(a.uncertainty, name, None)),
            (getattr(b, name), getattr(b.uncertainty, name, None)),
        )
        for name in ("head_volume_mm3", "nv_mm3", "articular_nv_mm3")
    }
    halves = [r.uncertainty.joint_space_mm if r.uncertainty else None for r in (a, b)]
    spaces = {
        item.name: Change.between(
            (getattr(a.joint_space_mm, item.name, None), getattr(halves[0], item.name, None)),
            (getattr(b.joint_space_mm, item.name, None), getattr(halves[1], item.name, None)),
        )
        for item in fields(JointSpace)
    }
    return replace(joint, **volumes, joint_space_mm=spaces)


def _with_asymmetries(
    comparison: Comparison, before: StoredResult, after: StoredResult
) -> Comparison:
    """The comparison with the changes of the signed asymmetry index, where both joints count."""
    compared = all(joint.outcome is Outcome.COMPARED for joint in comparison.joints)
    if not compared or not of_one_clip(before, after):
        return comparison
    changes: dict[str, Any] = {}
    for name in ("nv_asymmetry", "articular_nv_asymmetry"):
        points: list[tuple[float | None, float | None]] = []
        for report in (before.report, after.report):
            found: Asymmetry | None = getattr(report, name)
            index = None if found is None else 100.0 * found.signed
            points.append((index, getattr(report, f"{name}_points")))
        changes[f"{name}_points"] = Change.between(points[0], points[1])
    return replace(comparison, **changes)
