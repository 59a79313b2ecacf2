"""The negative volume (NV): the condyle inflated until bone or the clip stops it.

NV is every point of the clip outside the condyle (MC) and the temporal bone (TB) whose straight
segment from the nearest point of MC's surface meets no TB. Such a segment leaves MC along its
outward normal, so this is where inflation along the normals gets to, stated so that it has one
answer: where the surface is hollow, neighbouring normals cross, and a surface pushed along them
naively folds over itself and counts space twice.

At the nodes p of a lattice over the clip, with q(p) the point of MC nearest to p,

    I(p) = min(clip(p), max(-d_MC(p), g(p))),    g(p) = min of d_TB over the segment from q to p,

where clip(p) is the depth inside the clip and d are signed distances from the meshes, minus
inside. I is continuous where q is; its zero set, by marching cubes, is the inflated condyle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.geometry.grid import Grid, Points
from negvol_cli.mesh.distance import Field, Scalars, Surface, lattice, nodes
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import InflationSettings
from negvol_cli.steps.landmarks import Clip

BONE_BAND_MM: Final = 1.5
DETOUR_MM: Final = 0.5
DETOUR_SHARE: Final = 0.05
BEYOND_CLIP_MM: Final = 1.0

_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Inflation:
    """The inflated condyle within the clip and what it tells; volumes in mm³.

    ``joint_space_mm`` (V,) belongs to the vertices of the condyle: the distance along the normal
    to TB within the clip, NaN where the normal ends elsewhere.
    """

    inflated: Mesh
    condyle_mm3: float
    nv_mm3: float
    articular_nv_mm3: float
    joint_space_mm: Scalars


def inflate(
    condyle: Mesh,
    temporal_bone: Mesh,
    clip: Clip,
    settings: InflationSettings,
    condyle_surface: Surface | None = None,
) -> Inflation:
    """Inflate ``condyle`` against ``temporal_bone`` (both closed; TB may be empty) in ``clip``.

    ``condyle_surface`` saves building it again where it exists.
    """
    step, ray_step = settings.grid_mm, settings.ray_step_mm
    surface = condyle_surface or Surface(condyle)
    half = np.full(3, clip.half_width_mm + 2.0 * step)
    grid = lattice(clip.centre_mm - half, clip.centre_mm + half, step)
    points = nodes(grid)
    depth = clip.depth(points)
    inner = np.flatnonzero(depth > -2.0 * step)
    near = surface.nearest(points[inner])
    outward = np.full(len(points), 2.0 * step)
    outward[inner] = near.distance_mm
    condyle_distance = Field(outward.reshape(grid.shape_zyx), grid)

    # Nodes just inside MC too, with segments of no length: I must not dip to 0 at free surface.
    free = near.distance_mm > -step
    node, start, direction = inner[free], near.point_mm[free], near.outward[free]
    length = np.maximum(near.distance_mm[free], 0.0)
    bone = _bone_field(temporal_bone, np.vstack([points[inner], start]), step)
    clearance = _lowest_along(bone, start, direction, length, ray_step, -step)

    grown = -outward
    grown[node] = np.maximum(grown[node], np.clip(clearance, -step, step))
    inflated, within = (
        iso_surface(np.minimum(depth, field).reshape(grid.shape_zyx), grid, 0.0)
        for field in (grown, -outward)
    )
    nv_mm3 = max(inflated.volume_mm3 - within.volume_mm3, 0.0)

    held = _shares(step, clearance, outward[node], depth[node])
    counted = np.flatnonzero(held > 0)
    reach = length[counted]
    ahead = _bone_ahead(
        bone, condyle_distance, clip, start[counted], direction[counted], reach, ray_step
    )
    # a line that met TB well before its node grazes an edge, and the node lies in the shade of it
    lit = ~(ahead.distance_mm < reach - step)
    facing = np.where(lit, _shares(step, ahead.fairness), 0.0)
    articular = held[counted] @ facing / max(held.sum(), _TINY)
    return Inflation(
        inflated,
        within.volume_mm3,
        nv_mm3,
        float(nv_mm3 * articular),
        _joint_space(condyle, bone, condyle_distance, clip, ray_step),
    )


def _shares(step: float, *depths_mm: Scalars) -> Scalars:
    """(N,): the share of each node's cell that lies within planes at these depths from it.

    Exact for one plane along the lattice and for two parallel ones, however close.
    """
    shares = [np.clip(0.5 + depth / step, 0.0, 1.0) for depth in depths_mm]
    return np.maximum(sum(shares) - (len(shares) - 1.0), 0.0)


def _bone_field(temporal_bone: Mesh, reach: Points, step: float) -> Field:
    """The signed distance to TB, cut off at 1.5 mm, over the box around ``reach`` (N, 3)."""
    grid = lattice(reach.min(axis=0), reach.max(axis=0), step)
    part = _within(temporal_bone, grid, BONE_BAND_MM)
    if part.is_empty:
        return Field(np.full(grid.shape_zyx, BONE_BAND_MM), grid)
    return Surface(part).field(grid, BONE_BAND_MM)


def _within(mesh: Mesh, grid: Grid, margin_mm: float) -> Mesh:
    """The triangles that come within ``margin_mm`` of the grid's box, no longer closed."""
    low = np.array(grid.origin_mm_xyz) - margin_mm
    high = grid.to_world(np.array(grid.size_xyz) - 1) + margin_mm
    corners = mesh.points_mm[mesh.triangles]
    keep = (corners.max(axis=1) >= low).all(axis=1) & (corners.min(axis=1) <= high).all(axis=1)
    used, triangles = np.unique(mesh.triangles[keep], return_inverse=True)
    return Mesh(mesh.points_mm[used], triangles.reshape(-1, 3).astype(np.int32))


def _lowest_along(
    bone: Field, start: Points, direction: Points, length: Scalars, step: float, enough: float
) -> Scalars:
    """(N,): the least distance to TB on each segment; sought no further once under ``enough``.

    As the distance says how far TB is at least, one may go that far without a look.
    """
    lowest = np.full(len(start), np.inf)
    travelled = np.zeros(len(start))
    active = np.arange(len(start))
    while len(active):
        here = travelled[active]
        value = bone(start[active] + here[:, None] * direction[active])
        lowest[active] = np.minimum(lowest[active], value)
        going = (here < length[active]) & (value > enough)
        travelled[active] = np.minimum(here + np.maximum(value, step), length[active])
        active = active[going]
    return lowest


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """Of N rays: where they meet TB, in mm from their start, NaN where they do not.

    ``fairness`` (N,), in mm, is positive where the hit counts: how far it lies inside the clip,
    and how far the nearest MC is from being some other part of MC, whichever is less.
    """

    distance_mm: Scalars
    fairness: Scalars


def _bone_ahead(
    bone: Field,
    condyle: Field,
    clip: Clip,
    start: Points,
    direction: Points,
    least_mm: Scalars,
    step: float,
) -> _Hits:
    """Follow rays for ``least_mm`` and on, until they meet TB or are well out of the clip.

    A hit counts inside the clip and where no other part of MC is nearer to it than the ray's
    start by more than 0.5 mm or 5 %.
    """
    hit = np.full(len(start), np.nan)
    travelled, last = np.zeros(len(start)), np.zeros(len(start))
    before = np.zeros(len(start))  # the distance to TB at ``last``; at first that counts as met
    farthest = least_mm + 2.0 * np.sqrt(3.0) * clip.half_width_mm
    active = np.arange(len(start))
    while len(active):
        here = travelled[active]
        points = start[active] + here[:, None] * direction[active]
        value = bone(points)
        met = value <= 0
        share = before[active] / np.maximum(before[active] - value, _TINY)
        hit[active[met]] = (last[active] + share * (here - last[active]))[met]
        near = (here < least_mm[active]) | (clip.depth(points) > -BEYOND_CLIP_MM)
        going = ~met & near & (here < farthest[active])
        before[active], last[active] = value, here
        travelled[active] = here + np.maximum(value, step)
        active = active[going]
    found = np.flatnonzero(np.isfinite(hit))
    points = start[found] + hit[found, None] * direction[found]
    tolerance = np.maximum(DETOUR_MM, DETOUR_SHARE * hit[found])
    fairness = np.full(len(start), -np.inf)
    fairness[found] = np.minimum(
        tolerance - np.abs(condyle(points) - hit[found]), clip.depth(points)
    )
    return _Hits(hit, fairness)


def _joint_space(condyle: Mesh, bone: Field, distance: Field, clip: Clip, step: float) -> Scalars:
    """(V,): the distance along each vertex's normal to TB within the clip, else NaN."""
    space = np.full(len(condyle.points_mm), np.nan)
    inside = np.flatnonzero(clip.depth(condyle.points_mm) >= 0)
    normals = condyle.vertex_normals()[inside]
    start = condyle.points_mm[inside]
    hits = _bone_ahead(bone, distance, clip, start, normals, np.zeros(len(inside)), step)
    space[inside] = np.where(hits.fairness >= 0, hits.distance_mm, np.nan)
    return space
