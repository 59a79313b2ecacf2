"""Quality and uncertainty in words: a check on each line, the right joint before the left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeGuard

from negvol_cli.io.ct_checks import COARSE_MM
from negvol_cli.render import words
from negvol_cli.report import JointReport, ScanReport
from negvol_cli.steps.flags import FlagKind
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.measure import DISAGREEMENT
from negvol_cli.steps.self_check import METAL_HU, metal_mm3
from negvol_cli.structures import Side

_AIR_HU: Final = -1000.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check; ``good`` is None if it is neither good nor bad."""

    text: str
    good: bool | None = True


@dataclass(frozen=True, slots=True)
class Check:
    """One row: a finding for each joint."""

    name: str
    right: Finding
    left: Finding


UNKNOWN: Final = Finding(words.MISSING, None)


def checks(report: ScanReport, views: Mapping[Side, JointView]) -> Iterator[Check]:
    """Yield the rows of the table, except those about which nothing is known for either joint."""
    voxels = _voxels(report)
    yield Check("Voxels", voxels, voxels)
    for name, find in (
        ("Field of view", partial(_field_of_view, words.measured_solid(report)[0].lower())),
        ("Metal near the joint", _metal),
        ("NV by mesh against voxels", _agreement),
        ("Surfaces", _closed),
        ("Scanner at the joint", _scanner),
        ("Edges of bone explained", _explained),
        ("Roof of the fossa", _roof),
    ):
        right, left = (find(joint, views.get(joint.side)) for joint in report.joints)
        if right != UNKNOWN or left != UNKNOWN:
            yield Check(name, right, left)


def _scanner(joint: JointReport, _view: JointView | None) -> Finding:
    """What the scanner did, read off the scan."""
    if joint.edges is None:
        return UNKNOWN
    blur = " x ".join(f"{width:.2f}" for width in joint.edges.blur_mm_xyz)
    text = f"blur {blur} mm, noise {joint.edges.noise_hu:.0f} HU"
    if overshoot := round(100 * joint.edges.overshoot):
        text += f", sharpened by {overshoot} %"
    return Finding(text, None)


def _explained(joint: JointReport, _view: JointView | None) -> Finding:
    if joint.edges is None:
        return UNKNOWN
    return Finding(words.percent(100.0 * joint.edges.explained), None)


def _roof(joint: JointReport, _view: JointView | None) -> Finding:
    if joint.edges is None or joint.joint_space_mm is None:
        return UNKNOWN
    thin = joint.edges.roof_mm
    return Finding("over 2.5 mm" if thin is None else f"{thin:.1f} mm at its thinnest", None)


def _voxels(report: ScanReport) -> Finding:
    coarse = max(round(length, 1) for length in report.spacing_mm_xyz) > COARSE_MM
    text = words.spacing(report)
    return Finding(f"{text}: coarse, so the measurements are rough" if coarse else text, not coarse)


def _field_of_view(solid: str, joint: JointReport, view: JointView | None) -> Finding:
    if view is None:
        return UNKNOWN
    unseen = view.geometry.unseen_fraction
    if joint.nv_mm3 is None or unseen > 0:
        text = f"{100 * unseen:.0f} % of the {solid} not scanned"
        return Finding(text, joint.nv_mm3 is not None)
    return Finding(f"the whole {solid} was scanned")


def _metal(_joint: JointReport, view: JointView | None) -> Finding:
    if view is None:
        return UNKNOWN
    if view.hu_zyx.max() <= _AIR_HU:
        return Finding("no CT: measured from labels", None)
    # a corrected result may have kept too little of the CT to show the metal
    flag = view.basis.flag(FlagKind.METAL) if view.basis else None
    volume = flag.amount if flag else metal_mm3(view.hu_zyx, view.geometry.frame.spacing_mm)
    if volume > 0:
        return Finding(f"{words.mm3(volume)} mm³ above {METAL_HU:.0f} HU", False)
    return Finding(f"none (nothing above {METAL_HU:.0f} HU)")


def _agreement(joint: JointReport, _picture: JointView | None) -> Finding:
    mesh, voxels = joint.nv_mm3, joint.nv_voxel_mm3
    if not (_known(mesh) and _known(voxels)) or max(mesh, voxels) <= 0:
        return UNKNOWN
    apart = abs(mesh - voxels) / max(mesh, voxels)
    return Finding(f"differ by {words.percent(100 * apart)}", apart <= DISAGREEMENT)


def _closed(joint: JointReport, _picture: JointView | None) -> Finding:
    if joint.watertight is None:
        return UNKNOWN
    return Finding("closed") if joint.watertight else Finding("not closed", False)


def _known(figure: float | None) -> TypeGuard[float]:
    return figure is not None and math.isfinite(figure)
