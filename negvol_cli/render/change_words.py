"""The wording of a comparison, the same in every output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from negvol_cli.comparison.report import (
    Change,
    Comparison,
    JointComparison,
    Movement,
    Outcome,
    Remodelling,
)
from negvol_cli.comparison.rows import VOLUMES, Row, asymmetry_rows, joint_rows
from negvol_cli.geometry.grid import Vector
from negvol_cli.render import words
from negvol_cli.structures import Side

NO_CHANGE: Final = "no change beyond what can be measured"
BORDERLINE: Final = "just beyond its interval, not claimed"
"""Of some fifteen figures of a joint, one lies there by chance (``CLAIMED_HALVES``)."""
UNKNOWN: Final = "How far these can be measured is not known"
DECIMALS: Final = {"mm³": 0, "mm": 1, "°": 1, "points": 1}
_WORTH_SAYING: Final = 0.1
"""mm or degrees: a component that is printed as 0.0 is left out."""


def headline(found: Comparison) -> Iterator[str]:
    """Yield what is compared, and what to beware of."""
    yield f"BEFORE {words.plain(found.before)}, AFTER {words.plain(found.after)}"
    for flag in found.flags:
        yield f"Flag: {words.plain(flag)}"


def tables(found: Comparison) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield a title and rows of text for each joint and for the asymmetries."""
    for joint in found.joints:
        title = f"{str(joint.side).capitalize()} joint: {status(joint)}"
        yield title, [cells(row) for row in joint_rows(joint)]
    rows = [cells(row) for row in asymmetry_rows(found)]
    if rows:
        yield "Asymmetry", rows


def status(joint: JointComparison) -> str:
    """The outcome of a joint with its reason."""
    reason = words.plain(joint.reason)
    return f"{joint.outcome}: {reason}" if reason else str(joint.outcome)


def cells(row: Row) -> tuple[str, ...]:
    """A figure as printed: name, before, after, change with its interval, unit, and the claim."""
    decimals = DECIMALS[row.unit]
    change = words.with_half(row.change, row.half_95, decimals)
    return (
        row.name,
        words.number(row.before, decimals),
        words.number(row.after, decimals),
        change_text(row.change, row.half_95, decimals) if row.signed else change,
        row.unit,
        claim(row),
    )


def claim(row: Row) -> str:
    """What may be said of a change: nothing where its interval is not known."""
    if row.claimed is None:
        return ""
    if row.claimed:
        return "changed"
    return BORDERLINE if row.signed and _beyond(row.change, row.half_95) else NO_CHANGE


def _beyond(change: float | None, half: float | None) -> bool:
    return change is not None and half is not None and abs(change) > half


def change_text(change: float | None, half: float | None, decimals: int) -> str:
    """A change with its sign and its interval: ``+1125 ± 656``."""
    text = words.with_half(change, half, decimals)
    value = words.number(change, decimals)
    return f"+{text}" if change is not None and change > 0 and float(value) != 0 else text


def sentences(joint: JointComparison) -> Iterator[str]:
    """Yield in whole sentences what happened to a joint."""
    if joint.outcome is not Outcome.COMPARED:
        yield f"{capitalised(status(joint))}."
    for flag in joint.flags:
        yield f"{capitalised(words.plain(flag))}."
    if joint.movement is not None:
        yield from _movement(joint.movement, joint.side)
    if joint.remodelling is not None:
        yield _remodelling(joint.remodelling)
    if joint.outcome is not Outcome.COMPARED:
        return
    yield from _figures(joint)


def _figures(joint: JointComparison) -> Iterator[str]:
    """Yield in a sentence each what changed, what did not, and what is not known."""
    changes: list[tuple[str, str, Change | None]] = [
        (name, "mm³", getattr(joint, field)) for field, name in VOLUMES.items()
    ]
    changes += [(f"{name} joint space", "mm", c) for name, c in joint.joint_space_mm.items()]
    said: dict[str, list[str]] = {}
    for name, unit, change in changes:
        if change is None or change.change is None:
            continue
        heading = capitalised(claim(Row.of(name, unit, change))) or UNKNOWN
        text = f"{change_text(change.change, change.half_95, DECIMALS[unit])} {unit}"
        shown = name if heading == capitalised(NO_CHANGE) else f"{name} ({text})"
        said.setdefault(heading, []).append(shown)
    for heading in sorted(said, key=_ORDER.index):
        yield f"{heading}: {', '.join(said[heading])}."


def capitalised(text: str) -> str:
    """The text with its first letter as a capital, and the others as they are."""
    return text[:1].upper() + text[1:]


def _movement(found: Movement, side: Side) -> Iterator[str]:
    far = words.with_half(found.distance_mm, found.distance_half_95_mm, 1)
    if found.moved:
        yield f"The condyle moved by {far} mm: {shifted(found.shift_mm_xyz, side)}."
    else:
        yield f"The condyle has not moved beyond what can be measured ({far} mm)."
    angle = words.with_half(found.angle_degrees, found.angle_half_95_degrees, 1)
    if found.turned:
        yield f"The condyle turned by {angle}°: {turned(found.turn_degrees_xyz, side)}."
    else:
        yield f"The condyle has not turned beyond what can be measured ({angle}°)."


def shifted(shift_mm: Vector, side: Side) -> str:
    """A way in the patient's directions: ``0.7 mm to the left (lateral), 1.3 mm anterior``."""
    x, y, z = shift_mm
    lateral = (x > 0) == (side is Side.LEFT)
    across = f"to the {'left' if x > 0 else 'right'} ({'lateral' if lateral else 'medial'})"
    parts = (
        (x, across),
        (y, "posterior" if y > 0 else "anterior"),
        (z, "superior" if z > 0 else "inferior"),
    )
    said = [f"{abs(v):.1f} mm {way}" for v, way in parts if abs(v) >= _WORTH_SAYING]
    return ", ".join(said) or "in no one direction"


def turned(turn_degrees: Vector, side: Side) -> str:
    """A rotation in the patient's directions, about the transverse, sagittal and vertical axes."""
    x, y, z = turn_degrees
    out = side is Side.LEFT
    parts = (
        (x, "head forward" if x > 0 else "head backward"),
        (y, "head to lateral" if (y > 0) == out else "head to medial"),
        (z, "lateral pole backward" if (z > 0) == out else "lateral pole forward"),
    )
    said = [f"{abs(v):.1f}° {way}" for v, way in parts if abs(v) >= _WORTH_SAYING]
    return ", ".join(said) or "about no one axis"


def _remodelling(found: Remodelling) -> str:
    half = words.number(found.extreme_half_95_mm, 1)
    said = [
        f"{what} by up to {words.number(amount, 1)} ± {half} mm"
        for what, amount, claimed in (
            ("bone was lost", found.lost_mm, found.lost),
            ("bone was gained", found.gained_mm, found.gained),
        )
        if claimed
    ]
    if said:
        return f"On the condylar head {' and '.join(said)}."
    lost, gained = words.number(found.lost_mm, 1), words.number(found.gained_mm, 1)
    return (
        "The condylar head's surface has not changed beyond what can be measured "
        f"(lost up to {lost}, gained up to {gained}, ± {half} mm)."
    )


_ORDER: Final = ("Changed", capitalised(BORDERLINE), capitalised(NO_CHANGE), UNKNOWN)
