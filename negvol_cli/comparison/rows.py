"""A comparison as rows of figures, the same for tables, pages and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from negvol_cli.comparison.report import Change, Comparison, JointComparison, Movement, Remodelling

VOLUMES: Final = {
    "nv_mm3": "NV",
    "articular_nv_mm3": "articular NV",
    "head_volume_mm3": "condylar head",
}
WAYS: Final = ("to the left", "to posterior", "to superior")
AXES: Final = ("transverse", "anteroposterior", "vertical")
DIRECTIONS: Final = ("superior", "anterior", "posterior", "medial", "lateral")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; what it was in each result is None for what only two results have.

    ``signed`` is false for what has a size alone.
    """

    name: str
    unit: str
    before: float | None
    after: float | None
    change: float | None
    half_95: float | None
    claimed: bool | None
    signed: bool = True

    @classmethod
    def of(cls, name: str, unit: str, change: Change) -> Row:
        """The row of a figure that both results have."""
        return cls(
            name, unit, change.before, change.after, change.change, change.half_95, change.claimed
        )


def joint_rows(joint: JointComparison) -> Iterator[Row]:
    """Yield every figure of a joint."""
    for field, name in VOLUMES.items():
        change = getattr(joint, field)
        if change is not None:
            yield Row.of(name, "mm³", change)
    for direction, change in joint.joint_space_mm.items():
        yield Row.of(f"joint space {direction}", "mm", change)
    if joint.movement is not None:
        yield from _moved(joint.movement)
    if joint.remodelling is not None:
        yield from _remodelled(joint.remodelling)


def asymmetry_rows(comparison: Comparison) -> Iterator[Row]:
    """Yield the asymmetries, where both joints were compared."""
    for field, name in (("nv", "NV"), ("articular_nv", "articular NV")):
        change = getattr(comparison, f"{field}_asymmetry_points")
        if change is not None:
            yield Row.of(f"asymmetry of {name}, 100·(L-R)/(L+R)", "points", change)


def _moved(found: Movement) -> Iterator[Row]:
    yield _size("condyle moved", "mm", found.distance_mm, found.distance_half_95_mm, found.moved)
    for way, shift, half in zip(WAYS, found.shift_mm_xyz, found.shift_half_95_mm_xyz, strict=True):
        yield Row(f"condyle moved {way}", "mm", None, None, shift, half, None)
    angle, half_angle = found.angle_degrees, found.angle_half_95_degrees
    yield _size("condyle turned", "°", angle, half_angle, found.turned)
    for axis, turn, half in zip(
        AXES, found.turn_degrees_xyz, found.turn_half_95_degrees_xyz, strict=True
    ):
        yield Row(f"condyle turned about the {axis} axis", "°", None, None, turn, half, None)


def _remodelled(found: Remodelling) -> Iterator[Row]:
    half = found.extreme_half_95_mm
    yield _size("bone lost at most", "mm", found.lost_mm, half, found.lost)
    yield _size("bone gained at most", "mm", found.gained_mm, half, found.gained)
    for direction in DIRECTIONS:
        change = getattr(found, f"{direction}_mm")
        yield Row(f"surface {direction}", "mm", None, None, change, found.half_95_mm, None)


def _size(name: str, unit: str, size: float, half: float, claimed: bool) -> Row:
    return Row(name, unit, None, None, size, half, claimed, signed=False)
