"""How a condyle moved against the cranial base, and how its surface changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from negvol_cli.comparison.registration import Fit, Sheet, register
from negvol_cli.comparison.report import CLAIMED_HALVES, Movement, Remodelling
from negvol_cli.comparison.rigid import Rigid
from negvol_cli.geometry.grid import Points, vector
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.distance import Surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.steps.joint_space import SECTOR_COSINE, SECTOR_VERTICES, SECTORS
from negvol_cli.steps.uncertainty import TWO_SIDED_95
from negvol_cli.structures import Side

Scalars = npt.NDArray[np.float64]

PROCESS_MM: Final = 24.0
"""About the head's centre: farther off, edges are looser (docs/data.md), and surgery cuts."""
HEAD_MM: Final = 14.0
HEAD_BELOW_MM: Final = 5.0
"""The head is 10 mm deep, its centre about in the middle (``HeadSettings``)."""
CUT_MM: Final = 1.0
"""Two voxels of the joint frame: the face where frame or scan ended the bone, and its rounded rim.
Halved or doubled, no figure of a phantom changes (``benchmarks.compare_constants``)."""
PATCH_MM: Final = 1.75
PATCH_SHARE: Final = 0.3
"""On a head of 8 mm radius, a facet 1 mm deep reads 0.94 mm so; a single point would be noise.
A patch of half the radius reads up to 0.38 mm more or less (``benchmarks.compare_constants``)."""
OPENING_DEGREES: Final = (0.0, 10.0, 20.0, -10.0, -20.0)
"""A mouth opened or closed: a start 20° off still ends in place on a phantom's condyle."""
FINE_REACH_MM: Final = 4.0
POINTS: Final = 2500
"""Halved or doubled, neither changes a phantom's movement by more than 0.002 mm and 0.004°
(``benchmarks.compare_constants``)."""
LEAST_BELOW: Final = 1000
"""Vertices of about 0.3 mm² each: a neck of 300 mm²."""
SURE_MM: Final = 0.25
SURE_OVERLAP: Final = 0.8
"""No other start is tried beyond so good a fit."""
FARTHEST_MM: Final = 15.0
"""Farther than a jaw slides; beyond it a distance is not between the same two surfaces."""
PATCHES: Final = 3.0
"""An extreme over the head's hundred or so patches reaches so many standard deviations."""
LEAST_SD_MM: Final = 0.06
LEAST_SD_DEGREES: Final = 0.15
"""What different networks' drawing adds to each axis of a registration; root mean squares of
benchmarks/compare.py on degraded scans."""

CHI_SQUARED: Final = 13.7
"""Of three degrees of freedom: exceeded as seldom (0.3 %) as 1.5 halves of one figure are."""


@dataclass(frozen=True, slots=True, eq=False)
class Condyle:
    """One condyle: its mesh, which of its vertices (V,) are bone near the head, and the centre.

    Those at the lower end do not count, where the frame or the scan ended the bone, nor those
    farther than ``PROCESS_MM`` from the centre (3,) of the head.
    """

    mesh: Mesh
    counts: npt.NDArray[np.bool_]
    centre_mm: Points

    @classmethod
    def of(cls, mesh: Mesh, centre_mm: Points) -> Condyle:
        """A condyle where its scan has it: its box must still lie along the axes."""
        near = np.linalg.norm(mesh.points_mm - centre_mm, axis=1) <= PROCESS_MM
        height = mesh.points_mm[:, 2]
        return cls(mesh, near & (height > height.min() + CUT_MM), centre_mm)

    def moved(self, by: Rigid) -> Condyle:
        """The condyle taken along."""
        return Condyle(by.moved(self.mesh), self.counts, by(self.centre_mm))

    def sheet(self) -> Sheet:
        """The surface that is registered."""
        normals = self.mesh.vertex_normals()[self.counts]
        return Sheet(self.mesh.points_mm[self.counts], normals).thinned(POINTS)

    def head(self, centre_mm: Points, values: Scalars) -> npt.NDArray[np.bool_]:
        """(V,): the vertices of the head about ``centre_mm`` at which ``values`` are known."""
        offset = self.mesh.points_mm - centre_mm
        near = np.linalg.norm(offset, axis=1) <= HEAD_MM
        return np.asarray(near & (offset[:, 2] >= -HEAD_BELOW_MM) & np.isfinite(values))

    def distance_to(self, other: Condyle) -> Scalars:
        """(V,): signed mm from this condyle's vertices to the other's surface, positive outside.

        NaN where either does not count, and farther off than ``FARTHEST_MM``.
        """
        distance = np.full(len(self.mesh.points_mm), np.nan)
        points = self.mesh.points_mm[self.counts]
        found = Surface(other.mesh).nearest(points, FARTHEST_MM).distance_mm
        _, vertex = PointTree(other.mesh.points_mm).query(points)
        known = np.isfinite(found) & other.counts[vertex]
        distance[self.counts] = np.where(known, found, np.nan)
        return distance


@dataclass(frozen=True, slots=True, eq=False)
class Condyles:
    """Both condyles of one joint in BEFORE's world, AFTER's as the cranial base lays it."""

    side: Side
    before: Condyle
    after: Condyle

    def fit(self) -> Fit:
        """The motion that lays AFTER's condyle onto BEFORE's: back to where it was.

        Raises ValueError where the surfaces do not meet.
        """
        moving, fixed = self.after.sheet(), self.before.sheet()
        best: Fit | None = None
        for start in self._starts():
            try:
                found = register(moving, fixed, start, reach_mm=FINE_REACH_MM)
            except ValueError:
                continue
            if best is None or _misfit(found) < _misfit(best):
                best = found
            if best.residual_mm < SURE_MM and best.overlap > SURE_OVERLAP:
                break
        if best is None:
            raise ValueError("the condyles do not meet")
        return best

    def _starts(self) -> list[Rigid]:
        """Left where it is, and its head's centre brought back under several turns."""
        back = self.before.centre_mm - self.after.centre_mm
        turned = [
            Rigid.about(self.after.centre_mm, (-degrees, 0.0, 0.0), back)
            for degrees in OPENING_DEGREES
        ]
        return [Rigid.identity(), *turned]


def movement(condyles: Condyles, back: Fit, base: Fit, common_mm: float) -> Movement:
    """How the condyle moved, where ``back`` lays it onto where it was before."""
    moved = back.motion.inverse
    centre = condyles.before.centre_mm
    shift = moved(centre) - centre
    turn = moved.vector_degrees
    shifts = LEAST_SD_MM**2 * np.eye(3) + sum(
        fit.shift_covariance_at(centre, common_mm) for fit in (back, base)
    )
    turns = LEAST_SD_DEGREES**2 * np.eye(3) + np.degrees(1.0) ** 2 * sum(
        fit.covariance_with(common_mm)[:3, :3] for fit in (back, base)
    )
    return Movement(
        shift_mm_xyz=vector(shift),
        shift_half_95_mm_xyz=vector(TWO_SIDED_95 * np.sqrt(np.diag(shifts))),
        distance_mm=float(np.linalg.norm(shift)),
        distance_half_95_mm=_half_along(shift, shifts),
        turn_degrees_xyz=vector(turn),
        turn_half_95_degrees_xyz=vector(TWO_SIDED_95 * np.sqrt(np.diag(turns))),
        angle_degrees=float(np.linalg.norm(turn)),
        angle_half_95_degrees=_half_along(turn, turns),
        moved=_beyond(shift, shifts),
        turned=_beyond(turn, turns),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """AFTER's condyle laid onto BEFORE's, and how far their surfaces lie apart, mm.

    ``change_mm`` at the vertices of ``after`` and ``gain_mm`` at those of ``before`` are positive
    where bone was gained. ``offset_mm``, which is taken off both, is how far all of AFTER's surface
    below the head lies outside BEFORE's: the scanners' doing; 0 where little of it is seen.
    """

    before: Condyle
    after: Condyle
    change_mm: Scalars
    gain_mm: Scalars
    offset_mm: float

    @classmethod
    def of(cls, before: Condyle, after: Condyle) -> Laid:
        """Both surfaces held against each other."""
        change = after.distance_to(before)
        below = np.isfinite(change) & ~after.head(before.centre_mm, change)
        offset = float(np.median(change[below])) if below.sum() >= LEAST_BELOW else 0.0
        return cls(before, after, change - offset, -before.distance_to(after) - offset, offset)


def remodelling(laid: Laid, side: Side, common_mm: float, spread_mm: float) -> Remodelling | None:
    """How the head's surface changed.

    ``spread_mm`` is the standard deviation of the distance where nothing changed. What was lost is
    read on AFTER's surface and what was gained on BEFORE's, the smaller one in each case, on which
    a spur that only the segmentation has leaves no more than its foot. None where hardly anything
    of the head is seen.
    """
    before, after, change = laid.before, laid.after, laid.change_mm
    head = after.head(before.centre_mm, change)
    head_before = before.head(before.centre_mm, laid.gain_mm)
    if min(head.sum(), head_before.sum()) < SECTOR_VERTICES:
        return None
    lost = max(-_least(after.mesh.points_mm[head], change[head]), 0.0)
    gained = max(-_least(before.mesh.points_mm[head_before], -laid.gain_mm[head_before]), 0.0)
    extreme = float(np.hypot(TWO_SIDED_95 * common_mm, PATCHES * spread_mm))
    offset = after.mesh.points_mm[head] - before.centre_mm
    return Remodelling(
        lost_mm=lost,
        gained_mm=gained,
        scanner_offset_mm=laid.offset_mm,
        extreme_half_95_mm=extreme,
        **_medians(offset, change[head], side),
        half_95_mm=float(TWO_SIDED_95 * np.hypot(common_mm, spread_mm / 2.0)),
        lost=lost > CLAIMED_HALVES * extreme,
        gained=gained > CLAIMED_HALVES * extreme,
    )


def _least(points_mm: Points, values: Scalars) -> float:
    """The least value (N,) that ``PATCH_SHARE`` of the patch about a point (N, 3) keeps below."""
    patches = cKDTree(points_mm).query_ball_point(points_mm, PATCH_MM)
    return float(min(np.quantile(values[patch], PATCH_SHARE) for patch in patches))


def _medians(offset: Points, change: Scalars, side: Side) -> dict[str, float | None]:
    """The median change of the part that faces each direction of the patient."""
    lateral = np.array([-1.0 if side is Side.RIGHT else 1.0, 1.0, 1.0])
    ways = offset * lateral / np.linalg.norm(offset, axis=1, keepdims=True)
    medians: dict[str, float | None] = {}
    for name, towards in SECTORS.items():
        part = change[ways @ np.array(towards) >= SECTOR_COSINE]
        medians[f"{name}_mm"] = float(np.median(part)) if len(part) >= SECTOR_VERTICES else None
    return medians


def _misfit(fit: Fit) -> float:
    return (0.1 + fit.residual_mm) / max(fit.overlap, 1e-3)


def _half_along(way: Points, covariance: Scalars) -> float:
    """Half the interval of a vector's length; of one without length, that of the worst axis."""
    length = float(np.linalg.norm(way))
    if length < 1e-9:
        return float(TWO_SIDED_95 * np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
    unit = way / length
    return float(TWO_SIDED_95 * np.sqrt(unit @ covariance @ unit))


def _beyond(way: Points, covariance: Scalars) -> bool:
    """Whether a vector is longer than chance makes it, in the sense of ``CLAIMED_HALVES``."""
    squared = float(way @ np.linalg.solve(covariance, way))
    return squared > CHI_SQUARED
