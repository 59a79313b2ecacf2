"""A result measured again with a corrected outline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from negvol_cli.edit.basis_file import WINDOW_MM, window_about, window_grid
from negvol_cli.edit.changes import JointChange, changes_of
from negvol_cli.edit.fix import Fix
from negvol_cli.edit.folder import outlines
from negvol_cli.edit.matching import Held, refuse_what_does_not_fit
from negvol_cli.edit.outline import NEAR_MM, with_outline
from negvol_cli.edit.placing import held_against, sides_of
from negvol_cli.edit.stored import StoredJoint, StoredResult
from negvol_cli.errors import InputError, NoCondyleError
from negvol_cli.geometry.grid import Grid, crop
from negvol_cli.report import JointReport, ScanReport, Status
from negvol_cli.run import Run
from negvol_cli.steps.joint_basis import JointBasis, figures_of
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.joint_view import JointView, as_judged, view_of
from negvol_cli.steps.limits import CT_CHECKS, PAIR_CHECKS
from negvol_cli.steps.reconstruct import SPECK_MM3
from negvol_cli.steps.scan_report import scan_report
from negvol_cli.structures import Label, Side

BY_HAND: Final = "outline corrected by hand"
"""How the flag of a corrected joint begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """A result measured again: its report, the views of its joints, and what changed.

    ``automatic`` are the views of the joints as they were; an edited joint's own view holds the
    automatic outlines as its reference.
    """

    report: ScanReport
    views: Mapping[Side, JointView]
    automatic: Mapping[Side, JointView]
    changes: Mapping[Side, JointChange]


@dataclass(frozen=True, slots=True, eq=False)
class _Joint:
    """One joint before and after; ``after`` is None where it was not edited."""

    joint: JointReport
    before: JointView
    after: JointView | None
    change: JointChange


def measure_again(fix: Fix, result: StoredResult, run: Run, side: Side | None = None) -> Again:
    """Measure the joints of ``result`` with the outlines of ``fix``.

    ``side`` is that of the fix where the user states it. Raises InputError where the fix does not
    belong to the result, or its outlines cannot be a correction of the automatic ones.
    """
    edited = sides_of(fix, result)
    if side is not None and set(edited) != {side}:
        raise InputError(
            f"{fix.path} has outlines at the {' and '.join(edited)} joint, not at the {side} one: "
            "leave --side out, or give the other file"
        )
    held = {whose: held_against(fix, whose, result) for whose in edited}
    for labels, _ in held.values():  # all is refused before anything is measured
        refuse_what_does_not_fit(labels, fix.path)
    found: dict[Side, _Joint] = {}
    for done, (whose, joint) in enumerate(result.joints.items()):
        run.progress(f"measuring the {whose} joint", 0.2 + 0.3 * done)
        with run.watch.step("measure"):
            found[whose] = _joint(joint, held.get(whose), result, run, fix.path)
    reports = {
        whose: found[whose].joint if whose in found else result.report.joint(whose)
        for whose in Side
    }
    report = _report(reports, fix, result, run)
    views = {s: as_judged(j.after or j.before, report.joint(s)) for s, j in found.items()}
    before = {s: as_judged(j.before, result.report.joint(s)) for s, j in found.items()}
    return Again(report, views, before, {s: j.change for s, j in found.items()})


def _report(
    joints: Mapping[Side, JointReport], fix: Fix, result: StoredResult, run: Run
) -> ScanReport:
    old = result.report
    notes = tuple(f"segment {name!r} of the fix was not measured" for name in fix.others)
    report = scan_report(
        joints,
        name=old.scan,
        spacing_mm_xyz=old.spacing_mm_xyz,
        clip=result.settings.clip,
        flags=(*old.flags, *notes),
    )
    backend = run.backend
    return replace(
        report,
        bundle=old.bundle,
        provider=old.provider,
        patient_id=old.patient_id,
        mesh_backend=backend.name + (f" ({backend.why})" if backend.why else ""),
    )


def _joint(
    joint: StoredJoint, held: tuple[Held, Grid] | None, result: StoredResult, run: Run, path: Path
) -> _Joint:
    side, settings, backend = joint.side, result.settings, run.backend
    alone, geometry = figures_of(joint.basis, settings, backend)
    before = view_of(joint.basis, geometry)
    if held is None or not held[0].edited_zyx.any():
        old = _carried(result.report.joint(side), alone)
        return _Joint(old, before, None, JointChange(side=side, bones={}))
    excused = joint.basis.excused | _excused(alone)
    edited = replace(with_outline(joint.basis, *held), excused=excused)
    try:
        report, geometry = figures_of(edited, settings, backend)
    except NoCondyleError as err:
        raise InputError(f"{path}: {err}: draw the condyle of the {side} joint") from err
    after = replace(
        view_of(edited, geometry), reference_zyx=outlines(before), reference_name="automatic"
    )
    change = _change(before, after, edited)
    flags = (*report.flags, *_flags(change, held[0].beyond_mm3))
    return _Joint(replace(report, flags=flags), before, after, change)


def _excused(automatic: JointReport) -> frozenset[str]:
    """The checks against the CT whose failure takes no figure from a corrected outline.

    A person's outline is final: where it fails a check that the automatic one passed, that is
    said. What the automatic one failed it must pass.
    """
    return CT_CHECKS & {check.name for check in automatic.checks if check.passed}


def _carried(joint: JointReport, alone: JointReport) -> JointReport:
    """A joint's report as it stood before it was doubted beside the other joint's.

    ``alone`` is that of the joint measured again: where the doubt took the figures, they are there.
    """
    doubted = {check.name for check in joint.checks if not check.passed} & PAIR_CHECKS
    if joint.status is Status.IMPLAUSIBLE and doubted:
        return alone
    return replace(joint, checks=tuple(c for c in joint.checks if c.name not in PAIR_CHECKS))


def _change(before: JointView, after: JointView, edited: JointBasis) -> JointChange:
    """What changed in the cube of edit/, and how much of what was drawn is not measured."""
    frame, by_hand = before.geometry.frame, edited.drawn
    window = window_about(frame, before.geometry.head_centre_mm)
    old, new = (outlines(view)[window] for view in (before, after))
    return changes_of(
        frame.side,
        old,
        new,
        window_grid(frame, window),
        share={Label.CONDYLE: by_hand.condyle, Label.TEMPORAL_BONE: by_hand.temporal_bone},
        unmeasured_mm3=_unmeasured_mm3(before, after, edited.measured),
    )


def _unmeasured_mm3(before: JointView, after: JointView, images: JointImages) -> float:
    """How much by the joint was drawn that belongs to no bone as it was measured, mm³."""
    frame, was, total = before.geometry.frame, before.basis, 0.0
    if was is None:
        return total
    for label, old, now in (
        (Label.CONDYLE, was.measured.condyle_p, images.condyle_p),
        (Label.TEMPORAL_BONE, was.measured.bone_p, images.bone_p),
    ):
        drawn = (now >= 0.5) & (old < 0.5) & images.recorded_zyx
        apart = drawn & (after.geometry.labels_zyx != label)
        near, grid = crop(apart, frame.local_grid, before.geometry.head_centre_mm, NEAR_MM)
        total += float(near.sum()) * grid.voxel_mm3
    return total


def _flags(change: JointChange, beyond_mm3: float) -> tuple[str, ...]:
    bones = [
        f"{name} {bone.percent:+.1f} %" if bone.percent is not None else f"{name} drawn"
        for name, bone in change.bones.items()
        if bone.dice < 1.0
    ]
    said = [f"{BY_HAND}: {', '.join(bones) or 'under half a voxel'}"]
    for mm3, where in (
        (change.unmeasured_mm3, "lie apart from their bone"),
        (beyond_mm3, f"lie beyond the {WINDOW_MM:.0f} mm that can be corrected"),
    ):
        if mm3 >= SPECK_MM3:
            said.append(f"{mm3:.0f} mm³ of the corrected outlines {where} and are not measured")
    return tuple(said)
