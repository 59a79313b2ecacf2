"""The true measures of one joint, from the functions that define its bones.

Nothing here is shared with the product's inflation: MC is met as a dense cloud of points on its
surface, and a segment is followed through TB's own distance function by steps that cannot jump
over it. The definitions are those of docs/method.md; where these leave a choice:

- Up is the condylar process's own axis: see ``phantom.axis``. The apex is the point of MC
  farthest along it within 12 mm of it.
- The head is the part of MC at most 10 mm below the apex's level and within 14 mm of the axis,
  its largest piece; NV is counted about the whole MC in the clip, not the head alone.
- A normal ends on TB where it meets TB inside the clip before some other part of MC is
  nearer than where it came from by more than the larger of 0.5 mm and 5 per cent.
- Articular NV: NV points whose ray, from their nearest point of MC through them, ends on TB
  in that sense.
- Joint space towards a direction (superior along the axis, anterior and posterior, medial and
  lateral at right angles to it, as near as can be to LPS's): the median over those points of
  the head's surface which, seen from the head's centre, lie within 45 degrees of it and whose
  normal ends on TB. Narrowest is the 5th percentile over all of the head's points whose normal
  ends on TB. Points count by the area they stand for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Points, Vector, vector
from negvol_cli.phantom.axis import process_axis
from negvol_cli.phantom.probe import (
    LEAST_STEP_MM,
    Distance,
    Mask,
    SurfaceCloud,
    Values,
    first_hit,
    gradient,
    nearest_ways,
    onto_surface,
    surface_cloud,
)
from negvol_cli.report import JointSpace
from negvol_cli.settings import ClipSettings, ClipShape, HeadSettings
from negvol_cli.structures import Side

# The definitions' own (docs/method.md), stated again so that truth and measurement share no code.
NEARER_MM: Final = 0.5
NEARER_SHARE: Final = 0.05
FACING_DEGREES: Final = 45.0
NARROWEST_SHARE: Final = 0.05

SKIN_MM: Final = 0.02  # from the surface to where a ray through a bone begins
THICKEST_MM: Final = 20.0  # as far as it is followed; a roof is under 3 mm


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomTruth:
    """What a perfect measurement of one joint gives; LPS mm, mm³.

    ``up`` is the unit vector of the condylar process's own axis, ``roof_mm`` the least thickness
    of TB where superior normals of the head end on it.
    """

    side: Side
    up: Vector
    apex_mm: Vector
    head_centre_mm: Vector
    head_volume_mm3: float
    nv_mm3: float
    articular_nv_mm3: float
    joint_space_mm: JointSpace
    roof_mm: float | None = None


CELLS: Final = 6
"""Along each side of the clip: of 5 mm, as far as a part of the scene reaches (``shapes``)."""


@dataclass(frozen=True, slots=True)
class _Clip:
    """The clip in coordinates that ``turn`` (3, 3) makes of LPS; a cube stays along LPS."""

    centre: Points
    settings: ClipSettings
    turn: Points

    def inside(self, points: Points) -> Mask:
        offset = points - self.centre
        half = self.settings.width_mm / 2
        if self.settings.shape is ClipShape.SPHERE:
            return np.asarray(np.einsum("ij,ij->i", offset, offset) <= half**2)
        return np.asarray((np.abs(offset @ self.turn) <= half).all(axis=1))

    def behind(self, start: Points, way: Points) -> Values:
        """(N,): how far along unit ``way`` from ``start`` no point is inside any more, in mm."""
        half = self.settings.width_mm / 2
        radius = half if self.settings.shape is ClipShape.SPHERE else half * 3.0**0.5
        offset = start - self.centre
        ahead = -np.einsum("ij,ij->i", offset, way)
        square = ahead**2 - np.einsum("ij,ij->i", offset, offset) + radius**2
        return np.asarray(np.maximum(ahead + np.sqrt(np.maximum(square, 0.0)), 0.0))

    def spread(self, step_mm: float) -> tuple[Points, float]:
        """Points (N, 3) spread evenly over the clip, and the mm³ of each: about ``step_mm``³.

        A Kronecker sequence (M. Roberts, "The unreasonable effectiveness of quasirandom
        sequences", 2018): unlike a lattice it favours no plane. Cell by cell, so that points that
        are looked at together see few parts of the scene.
        """
        width = self.settings.width_mm
        count = int(np.ceil((width / step_mm) ** 3))
        root = 1.2207440846057596  # of x⁴ = x + 1
        points = np.arange(1, count + 1)[:, None] / root ** np.arange(1, 4) % 1.0
        x, y, z = np.floor(points.T * CELLS)
        points = points[np.argsort((z * CELLS + y) * CELLS + x, kind="stable")]
        points = (points - 0.5) * width @ self.turn.T + self.centre
        return points[self.inside(points)], width**3 / count


def measure(
    condyle: Distance,
    temporal_bone: Distance,
    centre_mm: Vector,
    side: Side,
    clip: ClipSettings,
    *,
    step_mm: float = 0.4,
    head: HeadSettings | None = None,
) -> PhantomTruth:
    """Head, NV, articular NV and joint space of the joint about ``centre_mm``, LPS mm.

    ``step_mm`` is about the distance of the points at which NV is counted.
    """
    settings = head or HeadSettings()
    up, through = process_axis(condyle, np.array(centre_mm), settings)
    turn = upright(up)
    found = _measure_upright(
        lambda points: condyle(points @ turn),
        lambda points: temporal_bone(points @ turn),
        turn @ through,
        side,
        _Clip(np.zeros(3), clip, turn),
        settings=settings,
        step_mm=step_mm,
    )
    return replace(
        found,
        up=up,
        apex_mm=vector(found.apex_mm @ turn),
        head_centre_mm=vector(found.head_centre_mm @ turn),
    )


def _measure_upright(
    condyle: Distance,
    temporal_bone: Distance,
    through: Points,
    side: Side,
    clip: _Clip,
    *,
    settings: HeadSettings,
    step_mm: float,
) -> PhantomTruth:
    """The same where z is the axis's direction and ``through`` a point of it."""
    reach = settings.radius_mm + clip.settings.width_mm / 2 + 3.0
    cloud = surface_cloud(condyle, through, reach, min(0.5, step_mm * 1.25))
    apex = _apex(condyle, cloud, through, settings.apex_radius_mm)
    volume, middle, of_head = _head(
        condyle, cloud, np.array([*through[:2], apex[2]]), settings, min(step_mm, 0.3)
    )
    about = replace(clip, centre=middle)
    lengths = np.full(len(cloud.points), np.nan)
    lengths[of_head] = _lengths(
        cloud, temporal_bone, about, cloud.points[of_head], cloud.normals[of_head]
    )
    points, each_mm3 = about.spread(step_mm)
    points = points[condyle(points) > 0]
    points = points[temporal_bone(points) > 0]
    start, way, far = nearest_ways(cloud, condyle, points)
    free = np.isinf(first_hit(temporal_bone, start, way, far))
    start, way, far = start[free], way[free], far[free]
    articular = np.isfinite(_lengths(cloud, temporal_bone, about, start, way, far))
    return PhantomTruth(
        side=side,
        up=(0.0, 0.0, 1.0),
        apex_mm=vector(apex),
        head_centre_mm=vector(middle),
        head_volume_mm3=volume,
        nv_mm3=float(len(start) * each_mm3),
        articular_nv_mm3=float(articular.sum() * each_mm3),
        joint_space_mm=_by_direction(cloud, lengths, of_head, middle, side),
        roof_mm=_roof(cloud, lengths, middle, temporal_bone),
    )


def upright(up: Vector) -> npt.NDArray[np.float64]:
    """(3, 3): the rotation from LPS to axes whose z is the unit vector along ``up``.

    Their y is the direction nearest to LPS y at right angles to it. Raises ValueError for an
    ``up`` along y.
    """
    z = np.array(up) / np.linalg.norm(up)
    y = np.array([0.0, 1.0, 0.0]) - z[1] * z
    if np.linalg.norm(y) < 1e-3:
        raise ValueError(f"up must not point along y, got {up}")
    y /= np.linalg.norm(y)
    return np.stack([np.cross(y, z), y, z])


def _apex(condyle: Distance, cloud: SurfaceCloud, centre: Points, radius: float) -> Points:
    """The highest point of MC within ``radius``, horizontally, of ``centre``."""
    near = np.hypot(*(cloud.points - centre)[:, :2].T) <= radius
    if not near.any():
        raise ValueError(f"there is no condyle within {radius:g} mm of {vector(centre)}")
    points = cloud.points[near]
    best = points[np.argmax(points[:, 2])]
    angle = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(12)], axis=-1)
    for step in 0.5 * 0.75 ** np.arange(14):
        around = np.concatenate([best[None], onto_surface(condyle, best + step * ring)])
        around = around[np.hypot(*(around - centre)[:, :2].T) <= radius]
        best = around[np.argmax(around[:, 2])]
    return np.asarray(best)


def _head(
    condyle: Distance, cloud: SurfaceCloud, top: Points, settings: HeadSettings, step: float
) -> tuple[float, Points, Mask]:
    """Volume and centroid of the head, and which surface points are its own.

    ``top`` is the point of the axis at the apex's level. Volume is counted in voxels whose share
    inside follows from the distance at their middle; their faces lie on the plane below.
    """
    across = np.arange(-settings.radius_mm - step, settings.radius_mm + step, step) + step / 2
    count = round(settings.depth_mm / step)
    step_z = settings.depth_mm / count
    up = (np.arange(count + 4) + 0.5) * step_z - settings.depth_mm
    z, y, x = np.meshgrid(up, across, across, indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3) + top
    values = condyle(points)
    edge = np.abs(values) < 2 * step
    slope = np.ones_like(values)
    slope[edge] = np.linalg.norm(gradient(condyle, points[edge]), axis=1)
    share = np.clip(0.5 - values / slope / step, 0.0, 1.0).reshape(x.shape)
    share *= np.clip(0.5 + (settings.radius_mm - np.hypot(x, y)) / step, 0.0, 1.0)
    pieces, _ = ndimage.label(share > 0.5)
    piece = np.bincount(pieces[pieces > 0]).argmax()
    own = ndimage.binary_dilation(pieces == piece, iterations=2)
    weight = (share * own).ravel()
    middle = np.asarray(weight @ points / weight.sum())
    offset = cloud.points - top
    of_head = (offset[:, 2] >= -settings.depth_mm) & (
        np.hypot(offset[:, 0], offset[:, 1]) <= settings.radius_mm
    )
    index = np.stack(
        [
            np.floor((offset[:, 2] + settings.depth_mm) / step_z),
            np.floor((offset[:, 1] - across[0]) / step + 0.5),
            np.floor((offset[:, 0] - across[0]) / step + 0.5),
        ]
    ).astype(int)
    index = np.clip(index, 0, np.array(x.shape)[:, None] - 1)
    of_head &= own[tuple(index)]
    return float(weight.sum() * step * step * step_z), middle, of_head


def _lengths(
    cloud: SurfaceCloud,
    temporal_bone: Distance,
    clip: _Clip,
    start: Points,
    way: Points,
    free: Values | None = None,
) -> Values:
    """(N,): how far TB is from each ``start`` along its unit ``way``; NaN if it ends elsewhere.

    There is known to be none within ``free`` (N,), mm.
    """
    stop = clip.behind(start, way) + LEAST_STEP_MM  # no step ends on the clip's surface
    hit = first_hit(temporal_bone, start, way, stop, free=free)
    met = np.isfinite(hit)
    met[met] = clip.inside(start[met] + hit[met, None] * way[met])
    for share in np.linspace(0.1, 1.0, 16):
        gone = share * hit[met]
        near, _ = cloud.tree.query(start[met] + gone[:, None] * way[met])
        met[met] = gone - near <= np.maximum(NEARER_MM, NEARER_SHARE * gone)
    return np.where(met, hit, np.nan)


def _by_direction(
    cloud: SurfaceCloud, lengths: Values, of_head: Mask, middle: Points, side: Side
) -> JointSpace:
    measured = of_head & np.isfinite(lengths)
    offset = cloud.points - middle
    offset = offset / np.linalg.norm(offset, axis=1, keepdims=True)
    weight = _area(cloud)
    lateral = 1.0 if side is Side.LEFT else -1.0
    facing = np.cos(np.radians(FACING_DEGREES))

    def median(*way: float) -> float | None:
        chosen = measured & (offset @ np.array(way) >= facing)
        return _weighted_quantile(lengths[chosen], weight[chosen], 0.5) if chosen.any() else None

    return JointSpace(
        narrowest=_weighted_quantile(lengths[measured], weight[measured], NARROWEST_SHARE)
        if measured.any()
        else None,
        superior=median(0, 0, 1),
        anterior=median(0, -1, 0),
        posterior=median(0, 1, 0),
        medial=median(-lateral, 0, 0),
        lateral=median(lateral, 0, 0),
    )


def _roof(
    cloud: SurfaceCloud, lengths: Values, middle: Points, temporal_bone: Distance
) -> float | None:
    """The least way through TB, along its own normal, from where superior normals meet it."""
    offset = cloud.points - middle
    up = offset[:, 2] >= np.cos(np.radians(FACING_DEGREES)) * np.linalg.norm(offset, axis=1)
    chosen = np.flatnonzero(up & np.isfinite(lengths))
    if not len(chosen):
        return None
    start = cloud.points[chosen] + lengths[chosen, None] * cloud.normals[chosen]
    return float(thickness(temporal_bone, start).min())


def thickness(bone: Distance, points: Points) -> Values:
    """(N,): how thick the bone is at ``points`` (N, 3) of its surface, along its normal, in mm.

    At most 20 mm, which also stands for thicker bone.
    """
    slope = gradient(bone, points)
    way = -slope / np.linalg.norm(slope, axis=1, keepdims=True)
    start = onto_surface(bone, points) + SKIN_MM * way
    through = first_hit(
        lambda p: -bone(p), start, way, np.full(len(points), THICKEST_MM), least_mm=0.01
    )
    return np.minimum(through + SKIN_MM, THICKEST_MM)


def offsets(solid: Distance, points: Points) -> Values:
    """(N,): signed distance in mm of ``points`` (N, 3) to the solid's surface; minus inside.

    Good to second order in the distance, by Newton's steps along the gradient.
    """
    far = np.linalg.norm(points - onto_surface(solid, points), axis=1)
    return np.asarray(np.sign(solid(points)) * far)


def _area(cloud: SurfaceCloud) -> Values:
    """(N,): the area a surface point stands for, up to a factor: its neighbours' spacing²."""
    far, _ = cloud.tree.query(cloud.points, k=8)
    return np.asarray(far[:, -1] ** 2)


def _weighted_quantile(values: Values, weight: Values, share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] * share)])
