"""Whether two results can be of one patient with the mouth as it was, and what is said if not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from negvol_cli.comparison import cranial_base
from negvol_cli.comparison.registration import Fit
from negvol_cli.comparison.report import Movement
from negvol_cli.comparison.stored import StoredResult
from negvol_cli.errors import InputError
from negvol_cli.report import ScanReport
from negvol_cli.structures import Side

OTHER_BONE_MM: Final = 0.45
"""Median distance of the temporal bones from which on they are another's (benchmarks/compare.py:
the same head, however degraded, up to 0.26 mm; another head from 0.70 mm on)."""
MIRRORED_SHARE: Final = 0.5
"""A mirrored scan fits its own mirror image far better than it fits as it is: exact surfaces
of a mirrored phantom are 0.53 mm apart, those of one head, however degraded, up to 0.26 mm."""
OTHER_CONDYLE_MM: Final = 0.5
"""The same for the condyle: beyond it, it was replaced or taken out, or is not found again. Bone of
another shape is meant: condyles of other phantom heads still lie within 0.22 and 0.37 mm."""
OPENED_FORWARD_MM: Final = 4.5
OPENED_DEGREES: Final = 8.0
"""A condyle that slid so far forward, or turned so far about the transverse axis, stands for an
opened mouth: surgery moves condyles by 1 to 2 mm, and 4 mm and 5° are still compared."""
APART_MM: Final = 1.0
OTHER_HEAD_MM: Final = 3.0
"""The base about one joint, moved as that about the other, lies so far off its own place: of the
same head, however degraded, at most 0.3 mm, of another 3 to 24 mm (benchmarks/compare.py); a head
that grew, or voxels of a wrong size, lie between."""


def refuse_other_patient(before: ScanReport, after: ScanReport) -> None:
    """Raise InputError where the results say themselves that they are two patients'."""
    ids = before.patient_id, after.patient_id
    names = [name.split("-")[1] for name in (before.scan, after.scan) if _is_pseudonym(name)]
    if (all(ids) and ids[0] != ids[1]) or len(set(names)) == 2:
        raise InputError(
            "the two results are of two patients by their own account: give two results of one"
        )


def _is_pseudonym(name: str) -> bool:
    """Whether a scan's name is one that ``--pseudonym-key`` made: pat-<patient>-<scan>."""
    parts = name.split("-")
    return len(parts) == 3 and parts[0] == "pat" and (len(parts[1]), len(parts[2])) == (12, 8)


def of_one_clip(before: StoredResult, after: StoredResult) -> bool:
    """Whether NV and joint spaces, which end at the clip, were measured in one of the same size."""
    return before.report.clip == after.report.clip


def of_one_patient(fits: Mapping[Side, Fit], apart_mm: float) -> bool:
    """Whether temporal bones so laid can be one patient's."""
    close = any(fit.residual_mm <= OTHER_BONE_MM for fit in fits.values())
    return close and apart_mm <= OTHER_HEAD_MM


def does_not_fit(
    fits: Mapping[Side, Fit], bases: tuple[cranial_base.Bases, cranial_base.Bases], apart_mm: float
) -> str:
    """Why two results whose bones do not fit are refused."""
    far = ", ".join(f"{side} {fit.residual_mm:.1f} mm" for side, fit in fits.items())
    turned = cranial_base.lay(cranial_base.mirrored(bases[1]), bases[0])
    least = min((fit.residual_mm for fit in fits.values()), default=np.inf)
    most = max((fit.residual_mm for fit in turned.values()), default=np.inf)
    if most <= min(OTHER_BONE_MM, MIRRORED_SHARE * least):
        return (
            "the two scans fit only if one of them is mirrored: its header has left and right the "
            "wrong way round; repair it and measure that scan again"
        )
    if apart_mm > OTHER_HEAD_MM:
        return (
            "the temporal bones of the two results do not fit: that of one joint lies "
            f"{apart_mm:.1f} mm off its place beside the other (at most {OTHER_HEAD_MM:g} mm for "
            "one patient): give two results of the same patient, or check the voxel sizes in both "
            "headers"
        )
    return (
        f"the temporal bones of the two results do not fit (median distance: {far}; at most "
        f"{OTHER_BONE_MM:g} mm for one patient): give two results of the same patient"
    )


def opened(found: Movement) -> str | None:
    """In words that the mouth is open in one of the scans; None where it is not."""
    forward, nod = -found.shift_mm_xyz[1], found.turn_degrees_xyz[0]
    if abs(forward) <= OPENED_FORWARD_MM and abs(nod) <= OPENED_DEGREES:
        return None
    later = forward > 0 if abs(forward) > OPENED_FORWARD_MM else nod > 0
    return (
        f"the mouth is opened wider in {'AFTER' if later else 'BEFORE'} (the condyle lies "
        f"{abs(forward):.1f} mm farther forward and is turned by {abs(nod):.0f}°)"
    )


def flags(before: StoredResult, after: StoredResult, apart_mm: float) -> list[str]:
    """What to beware of in the comparison as a whole."""
    found: list[str] = []
    if before.input_sha256 and before.input_sha256 == after.input_sha256:
        found.append(
            "both results are of the same scan: what differs is how it was measured, "
            "not the patient"
        )
    if not of_one_clip(before, after):
        found.append(
            f"NV was measured in a {before.report.clip} before and a {after.report.clip} after, so "
            "NV and joint spaces are not compared: measure both scans in the same"
        )
    if before.report.bundle != after.report.bundle:
        found.append("the two results were measured by different models")
    if before.version != after.version:
        found.append(
            "the two results were measured by different versions of negvol: measure both scans "
            "with one"
        )
    if apart_mm > APART_MM:
        found.append(
            f"the bases of the two joints lie {apart_mm:.1f} mm otherwise against each other: "
            "check the voxel sizes in both headers"
        )
    found += [f"BEFORE: {flag}" for flag in before.report.flags]
    return found + [f"AFTER: {flag}" for flag in after.report.flags]


def apart_mm(before: StoredResult, fits: Mapping[Side, Fit]) -> float:
    """How far one joint's motion takes the other joint from where that one's own takes it.

    0 where only one joint is laid.
    """
    if len(fits) < len(Side):
        return 0.0
    right, left = fits[Side.RIGHT].motion, fits[Side.LEFT].motion
    offs = []
    for side in Side:
        centre = before.joints[side].centre_mm
        offs.append(np.linalg.norm(right(left.inverse(centre)) - centre))
    return float(min(offs))
