"""The joint space about the condylar head as a polar diagram, left against right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.render import palette
from negvol_cli.steps.joint_space import SECTOR_VERTICES, ways_from
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

SECTOR_DEGREES: Final = 20
OUT_OF_PLANE: Final = 0.5  # the sine of 30°
WIDTH: Final = 340.0
HEIGHT: Final = 196.0

_ANGLES: Final = tuple(range(0, 181, SECTOR_DEGREES))
_CENTRE: Final = (WIDTH / 2, 168.0)
_RADIUS: Final = 128.0
_RINGS_MM: Final = (2, 4, 6)


@dataclass(frozen=True, slots=True)
class Arc:
    """A half circle about the head: from ``start`` over superior to the opposite direction.

    ``start`` is a unit vector in the condylar process's axes (to lateral, posterior, up); ``names``
    stand at the left and right.
    """

    title: str
    start: tuple[float, float, float]
    names: tuple[str, str]


SAGITTAL: Final = Arc("Sagittal", (0.0, -1.0, 0.0), ("anterior", "posterior"))
CORONAL: Final = Arc("Coronal", (1.0, 0.0, 0.0), ("lateral", "medial"))


@dataclass(frozen=True, slots=True)
class Curve:
    """One side's curve: the SVG ``path`` and the places (x, y) of its points."""

    side: str
    path: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """What the page draws; ``rings`` are millimetres and radii."""

    title: str
    names: tuple[str, str]
    rings: tuple[tuple[int, float], ...]
    curves: tuple[Curve, ...]
    centre: tuple[float, float] = _CENTRE
    radius: float = _RADIUS


def diagrams(views: Mapping[Side, JointView], sides: Iterable[Side]) -> tuple[Diagram, ...]:
    """The sagittal and the coronal diagram of the given sides; none where nothing can be drawn.

    Both joints lie with anterior, or lateral, at the left, so that they can be compared.
    """
    shown = [side for side in sides if side in views]
    found = []
    for arc in (SAGITTAL, CORONAL):
        curves = tuple(
            curve for side in shown if (curve := _curve(side, profile(views[side], arc))).points
        )
        if curves:
            rings = tuple((ring, ring * _scale()) for ring in _RINGS_MM)
            found.append(Diagram(arc.title, arc.names, rings, curves))
    return tuple(found)


def profile(view: JointView, arc: Arc) -> tuple[float | None, ...]:
    """The joint space in mm, a median for every 20° from the arc's start over superior.

    Over the head's vertices within 30° of the arc's plane, which turns with the condylar
    process's axis; None where fewer than five have one.
    """
    geometry = view.geometry
    kept = geometry.of_head & np.isfinite(geometry.joint_space_mm)
    space = geometry.joint_space_mm[kept]
    ways = ways_from(geometry.head_centre_mm, geometry.axis, geometry.condyle.points_mm[kept])
    along, up = ways @ np.array(arc.start), ways[:, 2]
    near = np.hypot(along, up) >= np.sqrt(1 - OUT_OF_PLANE**2)
    angle = np.degrees(np.arctan2(up, along))
    medians: list[float | None] = []
    for middle in _ANGLES:
        apart = (angle - middle + 180) % 360 - 180
        part = space[near & (np.abs(apart) <= SECTOR_DEGREES / 2)]
        medians.append(float(np.median(part)) if len(part) >= SECTOR_VERTICES else None)
    return tuple(medians)


def _scale() -> float:
    return _RADIUS / palette.JOINT_SPACE_RANGE_MM[1]


def _curve(side: Side, medians: tuple[float | None, ...]) -> Curve:
    """The curve, broken where there is no figure; what is beyond the scale lies on its edge."""
    path, points, pen_down = "", [], False
    for degrees, space in zip(_ANGLES, medians, strict=True):
        if space is None:
            pen_down = False
            continue
        radius = min(space, palette.JOINT_SPACE_RANGE_MM[1]) * _scale()
        turn = np.radians(degrees)
        x = float(_CENTRE[0] - radius * np.cos(turn))
        y = float(_CENTRE[1] - radius * np.sin(turn))
        path += f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}"
        points.append((round(x, 1), round(y, 1)))
        pen_down = True
    return Curve(str(side), path, tuple(points))
