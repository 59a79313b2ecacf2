"""Draws phantom heads; the same seed gives the same head on any machine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np

from negvol_cli.phantom.bite import Bite
from negvol_cli.phantom.cranium import draw_cranium
from negvol_cli.phantom.head import PhantomHead
from negvol_cli.phantom.jaw import draw_jaw, draw_spine
from negvol_cli.phantom.joint_draw import HeadSize, draw_joint
from negvol_cli.phantom.joint_shape import JointShape
from negvol_cli.phantom.paint import TissueHu
from negvol_cli.phantom.pose import Pose
from negvol_cli.phantom.shapes import Samples
from negvol_cli.phantom.soft import draw_soft
from negvol_cli.phantom.variety import Variety
from negvol_cli.structures import Side

DEGREES_PER_MM: Final = 1.8
"""How far the mandible turns as it slides: 20° by an opening with 11 mm of translation."""
SPACES_MM: Final = (0.8, 6.0)
"""What the joint's shape can be drawn with; the truth is probed on every phantom all the same."""


def draw_head(
    seed: int,
    *,
    right_space_mm: float | None = None,
    left_space_mm: float | None = None,
    joints: Collection[Side] = (Side.RIGHT, Side.LEFT),
    teeth: bool | None = None,
    open_mm: float | None = None,
    variety: Variety | None = None,
    scale: float = 1.0,
) -> PhantomHead:
    """A head with its own sizes of everything.

    ``right_space_mm`` and ``left_space_mm`` set the joint space above the condyles, else drawn
    from 1.2 to 4 mm; ``joints`` says which sides have a condyle (the other's was taken out with
    its ramus); ``teeth`` and ``open_mm`` (how far the condyles slid forward, 0 to 16 mm) replace
    what is drawn. Nothing else changes with them. With ``variety`` surfaces are rough, cortex and
    roof of varying thickness, and intensities and spaces drawn as it says. ``scale`` (0.5 to 1.2)
    sizes the whole head: 0.75 is a small child's. Raises ValueError for what cannot be.
    """
    _check((right_space_mm, left_space_mm), open_mm, scale)
    streams = [np.random.default_rng([seed, n]) for n in range(14)]
    u, size = streams[0].uniform, _size(streams[0])
    right = _joint((streams[1], streams[10]), size, right_space_mm, Side.RIGHT in joints, variety)
    left = _joint((streams[2], streams[11]), size, left_space_mm, Side.LEFT in joints, variety)
    drawn_teeth, drawn_open = bool(u() < 0.8), float(u(5.0, 14.0) * (u() < 0.25))
    intensities = TissueHu.draw(streams[8])
    head = PhantomHead(
        right=right,
        left=left,
        cranium=draw_cranium(streams[3], size, right, left),
        jaw=draw_jaw(streams[4], size, right, left, drawn_teeth if teeth is None else teeth),
        spine=draw_spine(streams[5], size),
        soft=draw_soft(streams[6], size),
        pose=replace(Pose.draw(streams[7]), scale=scale),
        bite=Bite(),
        intensities=variety.intensities(streams[12], intensities) if variety else intensities,
    )
    slide = drawn_open if open_mm is None else open_mm
    return replace(head, bite=_opened(head, slide)) if slide > 0 else head


def _check(
    spaces_mm: tuple[float | None, float | None], open_mm: float | None, scale: float
) -> None:
    """Raise ValueError for what cannot be drawn."""
    for space in spaces_mm:
        if space is not None and not SPACES_MM[0] <= space <= SPACES_MM[1]:
            raise ValueError(f"the joint space must lie between 0.8 and 6 mm, got {space:g}")
    if open_mm is not None and not 0.0 <= open_mm <= 16.0:
        raise ValueError(f"open_mm must lie between 0 and 16, got {open_mm:g}")
    if not 0.5 <= scale <= 1.2:
        raise ValueError(f"scale must lie between 0.5 and 1.2, got {scale:g}")


def _size(rng: np.random.Generator) -> HeadSize:
    half = float(rng.uniform(47.5, 57.5))
    return HeadSize(
        half_width_mm=half,
        wide=half / 52.5 * float(rng.uniform(0.97, 1.03)),
        deep=float(rng.uniform(0.93, 1.07)),
        tall=float(rng.uniform(0.93, 1.07)),
    )


def _joint(
    streams: tuple[np.random.Generator, np.random.Generator],
    size: HeadSize,
    space_mm: float | None,
    present: bool,
    variety: Variety | None,
) -> JointShape:
    """A joint drawn from the first of two streams, and what ``variety`` adds from the second."""
    first, second = streams
    if variety is None:
        return draw_joint(first, size, space_mm, present)
    space, roof = variety.space(second), variety.roof(second)
    space = space if space_mm is None else space_mm
    return variety.joint(second, draw_joint(first, size, space, present, roof))


def _opened(head: PhantomHead, forward_mm: float) -> Bite:
    """The mandible slid forward, and down until both condyles clear the eminences."""
    samples = {side: _surface(head.joint(side)) for side in Side if head.joint(side).present}
    down = 0.0
    for down in np.arange(0.0, 20.0, 0.25):
        bite = Bite(DEGREES_PER_MM * forward_mm, forward_mm, float(down))
        if all(
            _gap(head, side, bite, points) >= 0.75 * head.joint(side).fossa.space_mm
            for side, points in samples.items()
        ):
            break
    return Bite(DEGREES_PER_MM * forward_mm, forward_mm, float(down))


def _surface(joint: JointShape) -> np.ndarray:
    """(N, 3): points on the upper side of the closed condylar head, side coordinates."""
    step = np.arange(-13.0, 13.1, 1.0)
    grid = np.stack(np.meshgrid(step, step, step, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid + joint.centre_mm
    near = np.abs(joint.head_distance(Samples.of(*points.T))) < 0.5
    return np.asarray(points[near])


def _gap(head: PhantomHead, side: Side, bite: Bite, points: np.ndarray) -> float:
    """The least distance in mm from the moved condylar head to the bone above it."""
    joint = head.joint(side)
    moved = Samples.of(*np.array([bite.opened(tuple(p)) for p in points]).T)
    own = moved.mirrored() if side is Side.RIGHT else moved
    signed = moved if side is Side.LEFT else own
    cavity = head.cranium.cavity(signed)
    bone = joint.cranial(moved, head.cranium.shell(signed, cavity))
    return float(bone.min())
