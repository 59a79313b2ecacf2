"""Solids whose volumes are known, as closed meshes of even triangles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import ClipSettings, ClipShape
from negvol_cli.steps.landmarks import Clip

Profile = Sequence[tuple[float, float]]


def arc(radius: float, start_deg: float, end_deg: float, edge: float) -> list[tuple[float, float]]:
    """Points (r, z) on a circle about the origin; 0 degrees is the equator, 90 the top."""
    count = max(2, int(np.ceil(abs(np.radians(end_deg - start_deg)) * radius / edge)))
    angles = np.radians(np.linspace(start_deg, end_deg, count + 1))
    return [(radius * float(np.cos(a)), radius * float(np.sin(a))) for a in angles]


def line(a: tuple[float, float], b: tuple[float, float], edge: float) -> list[tuple[float, float]]:
    count = max(1, int(np.ceil(np.hypot(b[0] - a[0], b[1] - a[1]) / edge)))
    share = np.linspace(0.0, 1.0, count + 1)[:, None]
    return [(float(r), float(z)) for r, z in (1 - share) * a + share * np.array(b)]


def lathe(profile: Profile, edge: float) -> Mesh:
    """The solid that a closed outline (r, z), counter-clockwise, sweeps about the z axis.

    The number of points around each circle follows its radius, so that triangles stay even.
    """
    points: list[npt.NDArray[np.float64]] = []
    rings: list[npt.NDArray[np.int64]] = []
    total = 0
    for r, z in _without_repeats(profile):
        count = 1 if r < 1e-9 else max(6, int(np.ceil(2 * np.pi * r / edge)))
        angle = 2 * np.pi * np.arange(count) / count
        points.append(np.stack([r * np.cos(angle), r * np.sin(angle), np.full(count, z)], axis=1))
        rings.append(total + np.arange(count))
        total += count
    closed = [*pairwise(rings), (rings[-1], rings[0])]
    triangles = [t for a, b in closed for t in _band(a, b)]
    return Mesh(np.vstack(points), np.array(triangles, dtype=np.int32))


def sphere(radius: float, edge: float) -> Mesh:
    return lathe(arc(radius, -90, 90, edge), edge)


def shell(inner: float, outer: float, edge: float) -> Mesh:
    """A hollow ball: two closed surfaces, the inner one wound towards the hollow."""
    return both(sphere(outer, edge), turned_inside_out(sphere(inner, edge)))


def bowl(inner: float, outer: float, edge: float) -> Mesh:
    """The upper half of a hollow ball."""
    return lathe(
        [
            *line((inner, 0.0), (outer, 0.0), edge),
            *arc(outer, 0, 90, edge),
            *line((0.0, outer), (0.0, inner), outer),
            *arc(inner, 90, 0, edge),
        ],
        edge,
    )


def tube(inner: float, outer: float, half_length: float, edge: float) -> Mesh:
    h = half_length
    corners = [(inner, -h), (outer, -h), (outer, h), (inner, h)]
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    return lathe([p for a, b in sides for p in line(a, b, edge)], edge)


def disc(radius: float, low: float, high: float, edge: float) -> Mesh:
    """A cylinder about the z axis from ``low`` to ``high``."""
    corners = [(0.0, low), (radius, low), (radius, high), (0.0, high)]
    sides = pairwise(corners)
    return lathe([p for a, b in sides for p in line(a, b, edge)], edge)


def both(a: Mesh, b: Mesh) -> Mesh:
    return Mesh(
        np.vstack([a.points_mm, b.points_mm]),
        np.vstack([a.triangles, b.triangles + len(a.points_mm)]).astype(np.int32),
    )


def turned_inside_out(mesh: Mesh) -> Mesh:
    return Mesh(mesh.points_mm, np.ascontiguousarray(mesh.triangles[:, ::-1]))


def moved(mesh: Mesh, rotation: npt.NDArray[np.float64], offset: Sequence[float]) -> Mesh:
    return Mesh(mesh.points_mm @ rotation.T + offset, mesh.triangles)


def turn(axis: str, degrees: float) -> npt.NDArray[np.float64]:
    """The rotation about an axis through the origin."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[[i, i, j, j], [i, j, i, j]] = cosine, -sine, sine, cosine
    return matrix


def ball_clip(centre: Sequence[float] = (0.0, 0.0, 0.0), width: float = 30.0) -> Clip:
    return Clip((centre[0], centre[1], centre[2]), ClipSettings(width_mm=width))


def cube_clip(centre: Sequence[float] = (0.0, 0.0, 0.0), width: float = 30.0) -> Clip:
    settings = ClipSettings(shape=ClipShape.CUBE, width_mm=width)
    return Clip((centre[0], centre[1], centre[2]), settings)


def ball_mm3(radius: float) -> float:
    return 4 / 3 * np.pi * radius**3


def cap_mm3(radius: float, height: float) -> float:
    """The volume of the cap of ``height`` that a plane cuts off a ball."""
    return np.pi * height**2 * (radius - height / 3)


def _without_repeats(profile: Profile) -> list[tuple[float, float]]:
    kept = [p for p, q in pairwise(profile) if np.hypot(*np.subtract(p, q)) > 1e-9]
    last, first = profile[-1], profile[0]
    return [*kept, last] if np.hypot(*np.subtract(last, first)) > 1e-9 else kept


def _band(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Triangles between two rings of points that start at the same angle."""
    triangles = []
    i = j = 0
    while i < len(a) * (len(a) > 1) or j < len(b) * (len(b) > 1):
        ahead = (i + 1) / len(a) <= (j + 1) / len(b) if len(b) > 1 else True
        if len(a) > 1 and (ahead or j == len(b)) and i < len(a):
            triangles.append((int(a[i]), int(a[(i + 1) % len(a)]), int(b[j % len(b)])))
            i += 1
        else:
            triangles.append((int(a[i % len(a)]), int(b[(j + 1) % len(b)]), int(b[j])))
            j += 1
    return triangles
