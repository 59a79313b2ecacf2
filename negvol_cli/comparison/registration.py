"""Rigid registration of one bone's surface onto another's.

Pairs are nearest in place and direction (a thin plate has two sides), found both ways. Minimised is
the symmetric distance (p - q)·(n_p + n_q) of S. Rusinkiewicz, "A symmetric objective function for
ICP" (ACM Trans Graph 38:85, 2019), which vanishes on any pair of points of one parabola, so that
meshes need not share vertices. Tukey's weights leave out what does not fit: bone that was operated
on, resorbed, or seen by one scan alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.comparison.rigid import Rigid
from negvol_cli.geometry.grid import Points
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.mesh import Mesh

Scalars = npt.NDArray[np.float64]

DIRECTION_MM: Final = 4.0
"""What opposite normals count as, half of it each way: more than a thin roof is thick."""
TUKEY: Final = 4.685
"""95 % efficient where residuals are normal (Holland and Welsch, Commun Stat 6:813, 1977)."""
MAD_TO_SD: Final = 1.4826
"""Of a normal distribution: one over its 75th percentile, 0.6745 standard deviations."""
LEAST_SD_MM: Final = 0.05
"""Two scans of one head lie a median of 0.04 mm apart at best (docs/accuracy.md). Halved or
doubled, the condyle's shift changes by 0.028 mm at most (``benchmarks.compare_constants``)."""
LEAST_SLOPE: Final = 0.3
"""Normal residuals have 0.83; where they are far from normal, the covariance stays finite."""
CLUSTER_MM: Final = 6.0
"""Errors of edges hang together over about 2 mm (``steps.uncertainty``), those of a network's
drawing over several; the covariance takes residuals within such cubes as one."""
ROUNDS: Final = 60
"""At most: on the phantoms of ``benchmarks.compare_constants`` none took more than 12."""
STILL_MM: Final = 1e-4
"""A thousandth of the least interval of a shift (0.12 mm, from ``condyle.LEAST_SD_MM``)."""
LEAST_PAIRS: Final = 30
"""Five for each of the six unknowns."""
FACING: Final = 0.5
"""Cosine between the normals of a pair that counts: 60°. At 0.25 or 0.95 the condyle's shift
changes by 0.001 mm (``benchmarks.compare_constants``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """Points (N, 3) of a surface with their outward normals (N, 3), LPS mm."""

    points_mm: Points
    normals: Points

    @classmethod
    def of(cls, mesh: Mesh, kept: npt.NDArray[np.bool_]) -> Sheet:
        """Those vertices (V,) of a mesh that are ``kept``."""
        normals = mesh.vertex_normals()
        return cls(mesh.points_mm[kept], normals[kept])

    def thinned(self, count: int) -> Sheet:
        """At most ``count`` of the points, the same ones each time."""
        if len(self.points_mm) <= count:
            return self
        some = np.random.default_rng(0).choice(len(self.points_mm), count, replace=False)
        return Sheet(self.points_mm[some], self.normals[some])

    def moved(self, by: Rigid) -> Sheet:
        """The sheet taken along."""
        return Sheet(by(self.points_mm), self.normals @ by.turn.T)

    def tree(self) -> PointTree:
        """For the nearest in place and direction."""
        return PointTree(self.placed())

    def placed(self) -> Scalars:
        """(N, 6): place and direction, in mm."""
        return np.hstack([self.points_mm, DIRECTION_MM / 2.0 * self.normals])


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A rigid motion of one sheet onto another, and how far to trust it.

    Attributes
    ----------
    motion
        From the moving sheet's world to the fixed one's.
    pivot_mm
        The point (3,) of the fixed world about which the covariance counts turns.
    covariance
        (6, 6) of turn (radians, about x, y, z) and shift (mm), from the residuals.
    offset
        (6,): what the motion changes by if all of one surface lies 1 mm farther out.
    residual_mm
        The median distance of a point of one surface to the other, within reach.
    spread_mm
        Standard deviation of those distances where the surfaces are alike, from their median.
    overlap
        The share, 0 to 1, of points with a partner within reach that faces the same way.
    """

    motion: Rigid
    pivot_mm: Points
    covariance: Scalars
    offset: Scalars
    residual_mm: float
    spread_mm: float
    overlap: float

    def covariance_with(self, common_mm: float) -> Scalars:
        """(6, 6), counting an offset of one surface with this standard deviation as well."""
        return np.asarray(self.covariance + common_mm**2 * np.outer(self.offset, self.offset))

    def shift_covariance_at(self, point_mm: npt.ArrayLike, common_mm: float) -> Scalars:
        """(3, 3), mm²: of where the motion takes what ends at ``point_mm`` of the fixed world."""
        x, y, z = np.asarray(point_mm, dtype=float) - self.pivot_mm
        lever = np.array([[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]])  # of a turn w: w x offset
        jacobian = np.hstack([lever, np.eye(3)])
        return np.asarray(jacobian @ self.covariance_with(common_mm) @ jacobian.T)


def register(
    moving: Sheet, fixed: Sheet, start: Rigid, *, reach_mm: float, rounds: int = ROUNDS
) -> Fit:
    """The motion, from ``start``, that lays ``moving`` onto ``fixed``.

    Pairs farther apart than ``reach_mm`` never count. Raises ValueError where either has fewer than
    30 points, or fewer than 30 pairs are left.
    """
    if min(len(moving.points_mm), len(fixed.points_mm)) < LEAST_PAIRS:
        raise ValueError("there is too little surface")
    pairs = _Pairs(moving, fixed)
    motion, width = start, reach_mm
    for _ in range(rounds):
        rows = pairs.rows(motion, width)
        step, pivot = _step(rows)
        motion = Rigid.about(pivot, np.degrees(step[:3]), step[3:]).after(motion)
        narrower = max(TUKEY * rows.spread_mm, TUKEY * LEAST_SD_MM)
        settled = abs(narrower - width) < 0.02 * width
        width = min(max(narrower, 0.7 * width), reach_mm)
        if settled and np.abs(step[3:]).max() < STILL_MM and np.abs(step[:3]).max() < 1e-5:
            break
    return _fit(pairs.rows(motion, width), pairs.rows(motion, reach_mm), motion)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Weighted linear equations of pairs: residual (N,), jacobian (N, 6), weight (N,).

    ``slope`` is how much less than its weight a pair holds the motion, for that its weight falls as
    it is moved: the mean of the influence function's derivative over that of the weights.
    """

    residual: Scalars
    jacobian: Scalars
    weight: Scalars
    points_mm: Points
    pivot_mm: Points
    spread_mm: float
    slope: float
    overlap: float


class _Pairs:
    """Each point with the nearest of the other sheet, found anew at every motion."""

    def __init__(self, moving: Sheet, fixed: Sheet) -> None:
        self._moving, self._fixed = moving, fixed
        self._fixed_tree, self._moving_tree = fixed.tree(), moving.tree()

    def rows(self, motion: Rigid, width_mm: float) -> _Rows:
        there, back = self._moving.moved(motion), self._fixed.moved(motion.inverse)
        _, of_fixed = self._fixed_tree.query(there.placed())
        _, of_moving = self._moving_tree.query(back.placed())
        p = np.concatenate([there.points_mm, there.points_mm[of_moving]])
        n = np.concatenate([there.normals, there.normals[of_moving]])
        q = np.concatenate([self._fixed.points_mm[of_fixed], self._fixed.points_mm])
        m = np.concatenate([self._fixed.normals[of_fixed], self._fixed.normals])
        facing = np.einsum("ij,ij->i", n, m)
        good = (facing > FACING) & (np.linalg.norm(p - q, axis=1) < max(width_mm, 1.5))
        if good.sum() < LEAST_PAIRS:
            raise ValueError("the surfaces do not meet")
        p, q, normal = p[good], q[good], (n + m)[good]
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        residual = np.einsum("ij,ij->i", p - q, normal)
        u = residual / width_mm
        weight = np.clip(1.0 - u * u, 0.0, None) ** 2
        pivot = np.average(p, axis=0, weights=np.maximum(weight, 1e-9))
        jacobian = np.hstack([np.cross(p - pivot, normal), normal])
        spread = MAD_TO_SD * float(np.median(np.abs(residual)))
        steep = np.where(weight > 0, (1.0 - u * u) * (1.0 - 5.0 * u * u), 0.0).sum()
        slope = float(max(steep / max(weight.sum(), 1e-9), LEAST_SLOPE))
        return _Rows(residual, jacobian, weight, p, pivot, spread, slope, float(good.mean()))


def _step(rows: _Rows) -> tuple[Scalars, Points]:
    """The small turn (radians) and shift (mm), (6,), that reduces the residuals, and its pivot."""
    weighted = rows.jacobian * rows.weight[:, None]
    normal = weighted.T @ rows.jacobian + 1e-9 * np.eye(6)
    return np.asarray(np.linalg.solve(normal, -weighted.T @ rows.residual)), rows.pivot_mm


def _fit(rows: _Rows, wide: _Rows, motion: Rigid) -> Fit:
    """The motion with its covariance from ``rows``, and how well it fits from ``wide`` ones."""
    weighted = rows.jacobian * rows.weight[:, None]
    inverse = np.linalg.inv(rows.slope * (weighted.T @ rows.jacobian) + 1e-9 * np.eye(6))
    cube = np.floor(rows.points_mm / CLUSTER_MM).astype(int)
    _, cluster = np.unique(cube, axis=0, return_inverse=True)
    score = weighted * rows.residual[:, None]
    sums = np.stack([np.bincount(cluster.ravel(), score[:, k]) for k in range(6)], axis=1)
    return Fit(
        motion=motion,
        pivot_mm=rows.pivot_mm,
        covariance=inverse @ (sums.T @ sums) @ inverse,
        offset=-inverse @ weighted.sum(axis=0),
        residual_mm=float(np.median(np.abs(wide.residual))),
        spread_mm=rows.spread_mm,
        overlap=wide.overlap,
    )
