"""The negative volume (NV): the condyle inflated until it meets bone or the edge of the clip.

NV is every point of the clip outside the condyle (MC) and the temporal bone (TB) whose straight
segment from the nearest point of MC's surface meets no TB. Such a segment leaves MC along its
outward normal, so this is where inflation along the normals gets to, stated so that it has one
answer: where the surface is hollow, neighbouring normals cross, and a surface pushed along them
naively folds over itself and counts space twice.

At the nodes p of a lattice over the clip, with q(p) the point of MC nearest to p,

    I(p) = min(clip(p), max(-d_MC(p), g(p))),    g(p) = min of d_TB over the segment from q to p,

where clip(p) is the depth inside the clip and d are signed distances from the meshes, negative
inside. I is continuous where q is; its zero set, by marching cubes, is the inflated condyle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points
from negvol_cli.mesh.distance import Field, Nearest, Scalars, Surface, lattice, nodes_at
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import InflationSettings
from negvol_cli.steps.landmarks import Clip
from negvol_cli.steps.rays import Rays, Surroundings

BONE_BAND_MM: Final = 1.5
"""How far from TB its distance is computed: three nodes of the lattice, so that it can be
interpolated at the surface; farther out only "at least that far" is needed."""

NEXT_NODE: Final = float(np.sqrt(3.0))
"""How far the nodes lie, in the lattice's spacing, that a value between them is made of."""

_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Inflation:
    """The inflated condyle within the clip and what follows from it; volumes in mm³.

    ``joint_space_mm`` (V,) belongs to the vertices of the condyle: the distance along the normal
    to TB within the clip, NaN where the normal ends elsewhere.
    """

    inflated: Mesh
    condyle_mm3: float
    nv_mm3: float
    articular_nv_mm3: float
    joint_space_mm: Scalars


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """The lattice about the clip: what of it can be reached, and from where.

    ``near`` are the points of MC nearest to the nodes ``inner`` (N,), which lie in the clip or
    within two nodes of it.
    """

    grid: Grid
    inner: npt.NDArray[np.intp]
    near: Nearest


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """How far each node of the lattice lies inside the inflated condyle, and from where.

    ``rays`` (N,) lead to the nodes ``node`` outside MC over ``length_mm``; ``clearance_mm`` is the
    least distance to TB on the way. ``outward_mm`` is the distance of every node from MC.
    """

    node: npt.NDArray[np.intp]
    rays: Rays
    length_mm: Scalars
    clearance_mm: Scalars
    outward_mm: Scalars


def room_about(condyle: Surface, clip: Clip, settings: InflationSettings) -> Room:
    """The room in which ``condyle`` is inflated inside ``clip``, whatever bone there is."""
    step = settings.grid_mm
    half = np.full(3, clip.half_width_mm + 2.0 * step)
    grid = lattice(clip.centre_mm - half, clip.centre_mm + half, step)
    inner = np.flatnonzero(clip.depth_on(grid) > -2.0 * step)
    return Room(grid, inner, condyle.nearest(nodes_at(grid, inner)))


def inflate(
    condyle: Mesh,
    temporal_bone: Mesh,
    clip: Clip,
    settings: InflationSettings,
    room: Room | None = None,
) -> Inflation:
    """Inflate ``condyle`` against ``temporal_bone`` inside ``clip``.

    Parameters
    ----------
    condyle, temporal_bone
        Closed meshes; TB may be empty.
    clip
        The measurement sphere or cube.
    settings
        Spacing of the lattice and step of the rays.
    room
        What ``room_about`` gives of the same condyle, clip and settings, if it is there already.
    """
    room = room or room_about(Surface(condyle), clip, settings)
    step, grid = settings.grid_mm, room.grid
    depth = clip.depth_on(grid).ravel()
    grown, around = _grow(room, temporal_bone, clip, settings)
    inside = -grown.outward_mm
    inside[grown.node] = np.maximum(inside[grown.node], np.clip(grown.clearance_mm, -step, step))
    inflated, within = (
        iso_surface(np.minimum(depth, field).reshape(grid.shape_zyx), grid, 0.0)
        for field in (inside, -grown.outward_mm)
    )
    nv_mm3 = max(inflated.volume_mm3 - within.volume_mm3, 0.0)
    return Inflation(
        inflated,
        within.volume_mm3,
        nv_mm3,
        nv_mm3 * _articular_share(grown, around, depth, step),
        _joint_space(condyle, around),
    )


def _grow(
    room: Room, temporal_bone: Mesh, clip: Clip, settings: InflationSettings
) -> tuple[_Grown, Surroundings]:
    """Send a ray to every node in reach, from the point of MC nearest to it."""
    step, inner, near = settings.grid_mm, room.inner, room.near
    outward = np.full(int(np.prod(room.grid.size_xyz)), 2.0 * step)
    outward[inner] = near.distance_mm
    # Nodes just inside MC too, with segments of no length: I must not dip to 0 at free surface.
    free = near.distance_mm > -step
    node, rays = inner[free], Rays(near.point_mm[free], near.outward[free])
    length = np.maximum(near.distance_mm[free], 0.0)
    around = Surroundings(
        bone=_bone_field(
            temporal_bone, clip, np.vstack([nodes_at(room.grid, inner), rays.start_mm]), step
        ),
        condyle=Field(outward.reshape(room.grid.shape_zyx), room.grid),
        clip=clip,
        step_mm=settings.ray_step_mm,
    )
    clearance = around.lowest_along(rays, length, -step)
    return _Grown(node, rays, length, clearance, outward), around


def _articular_share(grown: _Grown, around: Surroundings, depth: Scalars, step: float) -> float:
    """The share of NV on rays that end on TB inside the clip, 0 to 1."""
    held = _shares(step, grown.clearance_mm, grown.outward_mm[grown.node], depth[grown.node])
    counted = np.flatnonzero(held > 0)
    reach = grown.length_mm[counted]
    ahead = around.bone_ahead(grown.rays[counted], reach)
    # a line that met TB well before its node grazes an edge, and the node lies in the shade of it
    lit = ~(ahead.distance_mm < reach - step)
    facing = np.where(lit, _shares(step, ahead.hit_margin_mm), 0.0)
    return float(held[counted] @ facing / max(held.sum(), _TINY))


def _joint_space(condyle: Mesh, around: Surroundings) -> Scalars:
    """(V,): the distance along each vertex's normal to TB within the clip, else NaN."""
    space = np.full(len(condyle.points_mm), np.nan)
    inside = np.flatnonzero(around.clip.depth(condyle.points_mm) >= 0)
    rays = Rays(condyle.points_mm[inside], condyle.vertex_normals()[inside])
    hits = around.bone_ahead(rays, np.zeros(len(inside)))
    space[inside] = np.where(hits.hit_margin_mm >= 0, hits.distance_mm, np.nan)
    return space


def _shares(step: float, *depths_mm: Scalars) -> Scalars:
    """(N,): the share of each node's cell that lies within planes at these depths from it.

    Exact for one plane along the lattice and for two parallel ones, however close.
    """
    shares = [np.clip(0.5 + depth / step, 0.0, 1.0) for depth in depths_mm]
    return np.maximum(sum(shares) - (len(shares) - 1.0), 0.0)


def _bone_field(temporal_bone: Mesh, clip: Clip, ways: Points, step: float) -> Field:
    """The signed distance to TB, cut off at 1.5 mm, in the room of all ``ways`` (N, 3).

    That is the clip, grown until it holds these ends of straight ways: it is convex.
    """
    grid = lattice(ways.min(axis=0), ways.max(axis=0), step)
    around = -clip.depth(ways).min() + NEXT_NODE * step
    asked = clip.depth_on(grid) >= -around
    low = np.array(grid.origin_mm_xyz)
    high = grid.to_world(np.array(grid.size_xyz) - 1)
    part = temporal_bone.beside_box(low - BONE_BAND_MM, high + BONE_BAND_MM)
    if part.is_empty:
        return Field(np.full(grid.shape_zyx, BONE_BAND_MM), grid)
    return Surface(part).field(grid, BONE_BAND_MM, asked)
