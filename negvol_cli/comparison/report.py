"""What is between two results of one patient, as data; drawing it is the business of ``render``.

Changes are those from BEFORE to AFTER: AFTER minus BEFORE. Places, ways and turns are in the
patient's axes as BEFORE's scan has them, LPS: x to the left, y to posterior, z to superior.
``half_95`` is half the 95 % interval, in the figure's unit. A figure that cannot be had is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from negvol_cli.geometry.grid import Vector
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side

SCHEMA: Final = 1

CLAIMED_HALVES: Final = 1.5
"""A change is claimed from one and a half times its half interval (2.94 standard deviations) on:
of some fifteen figures of a joint, each at 95 %, every second joint would claim one by chance;
so, one in twenty."""


class Outcome(StrEnum):
    """What could be compared of one joint."""

    COMPARED = "compared"
    OPENED = "mouth opened"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure before and after.

    Attributes
    ----------
    before, after
        The figure in each result.
    change
        AFTER minus BEFORE.
    half_95
        From the intervals of both results, which are independent.
    claimed
        Whether the change is beyond what can be measured (``CLAIMED_HALVES``); None where that
        is not known.
    """

    before: float | None
    after: float | None
    change: float | None
    half_95: float | None
    claimed: bool | None

    @classmethod
    def between(
        cls, before: tuple[float | None, float | None], after: tuple[float | None, float | None]
    ) -> Change:
        """The change of a figure that is given with its half interval in each result."""
        (a, half_a), (b, half_b) = before, after
        change = None if a is None or b is None else b - a
        half = None
        if change is not None and half_a is not None and half_b is not None:
            half = float((half_a**2 + half_b**2) ** 0.5)
        claimed = None if change is None or half is None else abs(change) > CLAIMED_HALVES * half
        return cls(before=a, after=b, change=change, half_95=half, claimed=claimed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How the condyle lies otherwise against the cranial base.

    Attributes
    ----------
    shift_mm_xyz, shift_half_95_mm_xyz
        Where the centre of BEFORE's condylar head has gone.
    distance_mm, distance_half_95_mm
        How far that is.
    turn_degrees_xyz, turn_half_95_degrees_xyz
        The rotation vector: right-handed about x, y and z.
    angle_degrees, angle_half_95_degrees
        Its length.
    moved, turned
        Whether either is beyond what can be measured.
    """

    shift_mm_xyz: Vector
    shift_half_95_mm_xyz: Vector
    distance_mm: float
    distance_half_95_mm: float
    turn_degrees_xyz: Vector
    turn_half_95_degrees_xyz: Vector
    angle_degrees: float
    angle_half_95_degrees: float
    moved: bool
    turned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remodelling:
    """How the condylar head's surface changed, the condyles laid onto each other; mm.

    Positive is bone gained, negative bone lost. ``lost_mm`` and ``gained_mm`` (both at least 0)
    are the greatest, each reached by 30 % of the patch within 1.75 mm of a point; the others are
    medians over the part of the head that faces each direction. ``scanner_offset_mm``, by which all
    of the surface below the head lies farther out in AFTER, is taken off.
    """

    lost_mm: float
    gained_mm: float
    scanner_offset_mm: float
    extreme_half_95_mm: float
    superior_mm: float | None
    anterior_mm: float | None
    posterior_mm: float | None
    medial_mm: float | None
    lateral_mm: float | None
    half_95_mm: float
    lost: bool
    gained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """How well one bone of AFTER lies on that of BEFORE.

    Attributes
    ----------
    by
        ``intensities`` of both CT, or ``surfaces`` where a result does not keep its CT.
    residual_mm
        Median distance between the surfaces.
    overlap
        The share, 0 to 1, of either surface that has the other within reach.
    half_95_mm
        Half the 95 % interval of where it places the centre of the condylar head, along the axis
        in which that is worst.
    matrix
        4 x 4, row by row: from AFTER's LPS mm to BEFORE's.
    """

    by: str
    residual_mm: float
    overlap: float
    half_95_mm: float
    matrix: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointComparison:
    """One joint. ``reason`` says in words why it was not compared, or not all of it.

    ``surface_distance_half_95_mm`` and ``surface_change_half_95_mm`` hold for any point of the
    painted condyle (``Overlay``).
    """

    side: Side
    outcome: Outcome
    reason: str = ""
    cranial_base: Registered | None = None
    condyle: Registered | None = None
    head_volume_mm3: Change | None = None
    nv_mm3: Change | None = None
    articular_nv_mm3: Change | None = None
    joint_space_mm: dict[str, Change] = field(default_factory=dict)
    movement: Movement | None = None
    remodelling: Remodelling | None = None
    surface_distance_half_95_mm: float | None = None
    surface_change_half_95_mm: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both joints of one patient in two results.

    The asymmetries are the signed index 100·(L-R)/(L+R), in points.
    """

    before: str
    after: str
    right: JointComparison
    left: JointComparison
    nv_asymmetry_points: Change | None = None
    articular_nv_asymmetry_points: Change | None = None
    flags: tuple[str, ...] = ()
    research_use: str = RESEARCH_USE
    schema: int = SCHEMA

    def joint(self, side: Side) -> JointComparison:
        """The joint of one side."""
        return self.right if side is Side.RIGHT else self.left

    @property
    def joints(self) -> tuple[JointComparison, JointComparison]:
        """The right joint, then the left, as a radiologist sees them."""
        return (self.right, self.left)
