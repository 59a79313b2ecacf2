"""The figures of a report as an SR holds them: each with its unit and its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.sr.coding import Code

from negvol_cli.dicom_out import codes
from negvol_cli.report import Asymmetry, JointReport


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in ``unit``; ``interval`` is its lowest and highest at 95 %, None if unknown."""

    code: Code
    value: float
    unit: Code
    interval: tuple[float, float] | None = None


def head_figures(joint: JointReport) -> Iterator[Figure]:
    """The figures that belong to the condyle."""
    yield from _about(
        codes.HEAD_VOLUME, joint.head_volume_mm3, codes.MM3, _half(joint, "head_volume_mm3")
    )


def space_figures(joint: JointReport) -> Iterator[Figure]:
    """The figures that belong to the space between the bones."""
    yield from _about(codes.NV, joint.nv_mm3, codes.MM3, _half(joint, "nv_mm3"))
    yield from _about(codes.NV_LOWER_BOUND, joint.nv_lower_bound_mm3, codes.MM3, None)
    yield from _about(
        codes.ARTICULAR_NV, joint.articular_nv_mm3, codes.MM3, _half(joint, "articular_nv_mm3")
    )
    halves = joint.uncertainty.joint_space_mm if joint.uncertainty else None
    for name, code in codes.JOINT_SPACES.items():
        value = getattr(joint.joint_space_mm, name, None)
        yield from _about(code, value, codes.MM, getattr(halves, name, None))


def absent_of_head(joint: JointReport) -> Iterator[str]:
    """Which of ``head_figures`` a joint lacks, and why."""
    if not _known(joint.head_volume_mm3):
        yield f"{codes.HEAD_VOLUME.meaning}: {joint.status_text}"


def absent_of_space(joint: JointReport) -> Iterator[str]:
    """Which of ``space_figures`` a joint lacks, and why."""
    for code, value in ((codes.NV, joint.nv_mm3), (codes.ARTICULAR_NV, joint.articular_nv_mm3)):
        if not _known(value):
            yield f"{code.meaning}: {joint.status_text}"
    if joint.joint_space_mm is None:
        yield f"Joint space: {joint.status_text}"
        return
    for name, code in codes.JOINT_SPACES.items():
        if not _known(getattr(joint.joint_space_mm, name)):
            yield (
                f"{code.meaning}: no normal of that part of the condylar head ends on the "
                "temporal bone inside the measurement volume"
            )


def asymmetry_figures(asymmetry: Asymmetry | None, points: float | None) -> Iterator[Figure]:
    """The indices of one volume; ``points`` is half the interval of 100·(L-R)/(L+R).

    Where the interval of the signed index holds 0, that of its absolute value begins there.
    """
    if asymmetry is None or not _known(asymmetry.signed):
        return
    signed = None
    if points is not None and _known(points):
        signed = asymmetry.signed - points / 100, asymmetry.signed + points / 100
    yield Figure(codes.INDICES["signed"], asymmetry.signed, codes.NO_UNIT, signed)
    for name, scale in (("habets_percent", 100.0), ("mean_normalised_percent", 200.0)):
        interval = None
        if signed is not None:
            ends = sorted(abs(end) * scale for end in signed)
            interval = (0.0 if signed[0] <= 0 <= signed[1] else ends[0], ends[1])
        yield Figure(codes.INDICES[name], getattr(asymmetry, name), codes.PERCENT, interval)


def _about(code: Code, value: float | None, unit: Code, half: float | None) -> Iterator[Figure]:
    """The figure where it is known, its interval no lower than 0: volumes and distances."""
    if value is None or not _known(value):
        return
    known = half is not None and _known(half)
    interval = (max(value - half, 0.0), value + half) if known and half is not None else None
    yield Figure(code, value, unit, interval)


def _half(joint: JointReport, name: str) -> float | None:
    half: float | None = getattr(joint.uncertainty, name, None)
    return half


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
