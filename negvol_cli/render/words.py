"""The wording of values and findings, the same in every output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from negvol_cli.report import Asymmetry, JointReport, JointSpace, ScanReport, Status
from negvol_cli.structures import Side

MISSING: Final = "–"
ARTICULAR: Final = "Articular NV is the part of NV between the two bones."

DIRECTIONS: Final = ("narrowest", "superior", "anterior", "posterior", "medial", "lateral")

_EQUAL_BELOW_PERCENT = 0.05
"""What is printed as 0.0 %."""
_NEITHER: Final = "neither larger"


def number(value: float | None, decimals: int) -> str:
    """Format a value; a missing one is an en dash, never zero."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def mm3(value: float | None) -> str:
    """Format a volume in whole mm³, without its unit."""
    return number(value, 0)


def mm(value: float | None) -> str:
    """Format a length in tenths of a mm, without its unit."""
    return number(value, 1)


def with_half(value: float | None, half: float | None, decimals: int) -> str:
    """Format a value and half its 95 % interval: ``7058 ± 120``; the half only where known."""
    text = number(value, decimals)
    if text == MISSING or half is None or not math.isfinite(half):
        return text
    return f"{text} ± {number(max(half, 10.0**-decimals), decimals)}"


def volume(joint: JointReport, name: str) -> str:
    """Format one of a joint's volumes with its interval, in mm³ without the unit."""
    return with_half(getattr(joint, name), getattr(joint.uncertainty, name, None), 0)


def space(joint: JointReport, direction: str) -> str:
    """Format the joint space of one of ``DIRECTIONS`` with its interval, in mm without the unit."""
    halves = joint.uncertainty.joint_space_mm if joint.uncertainty else None
    return with_half(joint_space(joint, direction), getattr(halves, direction, None), 1)


def percent(value: float | None) -> str:
    """Format a percentage to one decimal, with its sign."""
    text = number(value, 1)
    return text if text == MISSING else f"{text} %"


def joint_space(joint: JointReport, direction: str) -> float | None:
    """Return the joint space of one of ``DIRECTIONS`` in mm, or None."""
    spaces: JointSpace | None = joint.joint_space_mm
    value: float | None = None if spaces is None else getattr(spaces, direction)
    return value


def larger(asymmetry: Asymmetry | None, half: float | None = None) -> str:
    """Say which side is larger: ``right larger``, ``left larger``, ``equal``, or an en dash.

    Or ``neither larger``, where the index lies within ``half`` its 95 % interval, in points.
    """
    if asymmetry is None or not math.isfinite(asymmetry.signed):
        return MISSING
    if half is not None and asymmetry.habets_percent <= half:
        return _NEITHER
    if asymmetry.habets_percent < _EQUAL_BELOW_PERCENT:
        return "equal"
    return f"{Side.LEFT if asymmetry.signed > 0 else Side.RIGHT} larger"


def ratio(asymmetry: Asymmetry | None, half: float | None = None) -> str:
    """Say how much larger one side is: ``R is 1.38 × L``, ``equal``, or an en dash.

    Or ``equal within ±``, where the index lies within ``half`` its 95 % interval, in points.
    """
    direction = larger(asymmetry, half)
    if direction == _NEITHER:
        return "equal within ±"
    if asymmetry is None or direction in (MISSING, "equal"):
        return direction
    more, less = ("L", "R") if asymmetry.signed > 0 else ("R", "L")
    if not math.isfinite(asymmetry.ratio):
        return f"{more} > {less}"
    return f"{more} is {asymmetry.ratio:.2f} × {less}"


def asymmetry_in_words(asymmetry: Asymmetry | None, half: float | None = None) -> str:
    """Give index, direction and ratio: ``asymmetry index 15.8 ± 4.1 % (R > L); R is 1.38 × L``.

    ``half`` is half the 95 % interval of the index, in points. Neither side is called larger by an
    index within it. Where a value is missing, the reason stands in their place.
    """
    direction = larger(asymmetry, half)
    if asymmetry is None or direction == MISSING:
        return "not available: both joints are needed"
    index = f"asymmetry index {with_half(asymmetry.habets_percent, half, 1)} %"
    if direction == _NEITHER:
        return f"{index}: no measurable difference"
    if direction == "equal":
        return direction
    order = "L > R" if asymmetry.signed > 0 else "R > L"
    return f"{index} ({order}); {ratio(asymmetry)}".removesuffix(f"; {order}")


def asymmetry_figures(asymmetry: Asymmetry | None) -> Iterator[tuple[str, str]]:
    """Yield each formula with its value as printed."""
    formulas = Asymmetry.FORMULAS
    signed, habets, mean = (
        (None, None, None)
        if asymmetry is None
        else (asymmetry.signed, asymmetry.habets_percent, asymmetry.mean_normalised_percent)
    )
    signed_text = number(signed, 3)
    if signed is not None and signed_text != MISSING and float(signed_text) > 0:
        signed_text = f"+{signed_text}"
    yield formulas["signed"], signed_text
    yield formulas["habets_percent"], percent(habets)
    yield formulas["mean_normalised_percent"], percent(mean)


def spacing(report: ScanReport) -> str:
    """Format the voxel size."""
    return " x ".join(f"{length:.2f}" for length in report.spacing_mm_xyz) + " mm"


def measured_solid(report: ScanReport) -> tuple[str, str]:
    """Return the name of the measured solid and its size: ``Measurement sphere`` and ``30 mm``."""
    shape, _, size = report.clip.partition(" of ")
    return f"Measurement {shape or 'sphere'}", size


def device(provider: str) -> str:
    """Say in one word where the networks ran; why it was not the GPU stands in run.json."""
    return "GPU" if provider.startswith(("CUDA", "Tensorrt", "GPU")) else provider[:3]


def origin(report: ScanReport) -> Iterator[tuple[str, str]]:
    """Yield how the measurements were made, as name and value; an unknown value is empty."""
    yield measured_solid(report)
    yield "Models", report.bundle
    yield "Networks ran on", device(report.provider)
    yield "Mesh library", report.mesh_backend.partition(" (")[0]


def flags(report: ScanReport) -> Iterator[tuple[str, str]]:
    """Yield every flag with what it concerns: ``scan``, ``right joint`` or ``left joint``."""
    for flag in report.flags:
        yield "scan", plain(flag)
    for joint in report.joints:
        for flag in joint.flags:
            yield f"{joint.side} joint", plain(flag)


def is_ok(joint: JointReport) -> bool:
    """Return whether the joint was measured without reservation."""
    return joint.status is Status.OK


def absence(joint: JointReport) -> str:
    """Say why there are no pictures of a joint."""
    start = "Not measured" if joint.nv_mm3 is None else "No picture"
    return f"{start}: {plain(joint.status_text)}"


def plain(text: str) -> str:
    """Put ``text`` on one line; unprintable characters, as in file names, become ``?``."""
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
