"""Ways through a scene of two solids: the nearest point of one, and rays that meet the other.

MC is met as a dense cloud of points on its surface; TB only through its distance function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.geometry.point_tree import PointTree

Distance = Callable[[Points], npt.NDArray[np.float64]]
"""Signed distance in mm (negative inside, gradient about 1 near the surface) at points (N, 3)."""

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CARE: Final = 0.7
"""Of a distance: steps along a ray are that much shorter, since the gradient of a smooth
union is only about 1."""
LEAST_STEP_MM: Final = 0.03
GREATEST_STEP_MM: Final = 2.0
"""A step's limits: how far off a hit may be, and past which a distance is not relied on."""
TRUSTED_WAY_MM: Final = 0.3
"""From the surface: nearer to it, the way from its nearest point is worse known than its normal."""


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceCloud:
    """Points (N, 3) close together on MC's surface, their outward normals, and a search tree."""

    points: Points
    normals: Points
    tree: PointTree


def gradient(distance: Distance, points: Points) -> Points:
    """(N, 3): how the distance grows along x, y and z, by central differences."""
    step = 0.01
    shifts = np.eye(3) * step
    return np.stack(
        [(distance(points + s) - distance(points - s)) / (2 * step) for s in shifts], axis=-1
    )


def onto_surface(solid: Distance, points: Points) -> Points:
    """Points (N, 3) moved onto the solid's surface near them, by four of Newton's steps."""
    for _ in range(4):
        slope = gradient(solid, points)
        points = points - (solid(points) / np.einsum("ij,ij->i", slope, slope))[:, None] * slope
    return points


def surface_cloud(condyle: Distance, centre: Points, reach: float, step: float) -> SurfaceCloud:
    """Points on MC's surface within ``reach`` of ``centre``, about ``step`` apart or less."""
    wide = 4 * step
    coarse = _lattice(np.arange(-reach, reach + wide, wide))
    coarse = coarse[np.einsum("ij,ij->i", coarse, coarse) < reach**2] + centre
    coarse = coarse[np.abs(condyle(coarse)) < 1.3 * wide]
    fine = _lattice((np.arange(4) - 1.5) * step)
    lattice = (coarse[:, None] + fine).reshape(-1, 3)
    points = lattice[np.abs(condyle(lattice)) < 0.9 * step]
    points = onto_surface(condyle, points)
    slope = gradient(condyle, points)
    good = np.abs(condyle(points)) < 0.01
    normals = slope[good] / np.linalg.norm(slope[good], axis=1, keepdims=True)
    return SurfaceCloud(points[good], normals, PointTree(points[good]))


def _lattice(axis: npt.NDArray[Any]) -> Points:
    """(N³, 3): all points whose coordinates are of ``axis`` (N,)."""
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


def nearest_ways(
    cloud: SurfaceCloud, solid: Distance, points: Points
) -> tuple[Points, Points, Values]:
    """From the solid's nearest point to each of ``points`` (N, 3): start, unit way, length.

    Between the cloud's points it is found by dropping the point on the tangent plane and that
    on the surface; where this leads farther away (in a hollow) the cloud's point stays. For
    points closer than 0.3 mm the way is the surface's normal, to which it tends.
    """
    far, index = cloud.tree.query(points)
    start, normal = cloud.points[index], cloud.normals[index]
    guess = points - np.einsum("ij,ij->i", points - start, normal)[:, None] * normal
    shift = guess - start
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    guess = start + shift * np.minimum(1.0, 0.6 / np.maximum(length, 1e-9))
    guess = guess - solid(guess)[:, None] * normal
    better = np.linalg.norm(points - guess, axis=1) < far
    better &= np.abs(solid(guess)) < 0.01
    start[better] = guess[better]
    way = points - start
    far = np.linalg.norm(way, axis=1)
    way = way / np.maximum(far, 1e-9)[:, None]
    return start, np.where(far[:, None] > TRUSTED_WAY_MM, way, normal), far


def first_hit(
    bone: Distance,
    start: Points,
    way: Points,
    stop: Values,
    *,
    least_mm: float = LEAST_STEP_MM,
    free: Values | None = None,
) -> Values:
    """How far along unit ``way`` from ``start`` bone is met; infinite if not within ``stop``.

    Steps are ``least_mm`` long at least, which is how far off the answer may be. Within ``free``
    (N,) there is known to be none.
    """
    hit = np.full(len(start), np.inf)
    active = np.arange(len(start))
    gone = np.zeros(len(start)) if free is None else free.copy()
    while len(active):
        here = start[active] + gone[active, None] * way[active]
        value = bone(here)
        met = value <= 1e-3
        hit[active[met]] = gone[active[met]]
        active, value = active[~met], value[~met]
        last = gone[active] >= stop[active]
        active, value = active[~last], value[~last]
        step = np.clip(CARE * value, least_mm, GREATEST_STEP_MM)
        gone[active] = np.minimum(gone[active] + step, stop[active])
    return hit
