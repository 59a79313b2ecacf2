"""Phantom heads and the scanners they are put through: a sampled design, not the full product."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points, Vector, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.phantom import (
    Machine,
    PhantomHead,
    PhantomTruth,
    Scene,
    Variety,
    draw_head,
    paint_scene,
)
from negvol_cli.phantom.shapes import Samples, Waves
from negvol_cli.structures import Label, Side
from training.augment.cone_beam import ConeBeamSettings, simulate_cone_beam

FIRST_SEED: Final = 7100
"""Far from the seeds that training draws."""
GRIDS: Final[dict[str, Vector]] = {
    "0.3": (0.3, 0.3, 0.3),
    "0.4": (0.4, 0.4, 0.4),
    "0.6": (0.6, 0.6, 0.6),
    "0.8": (0.8, 0.8, 0.8),
    "1.0": (1.0, 1.0, 1.0),
    "0.5 × 0.5 × 1.25": (0.5, 0.5, 1.25),
    "1 × 1 × 2": (1.0, 1.0, 2.0),
}
CONE_BEAM: Final = "cone beam 0.3"
CHOOSING: Final = range(900, 924)
"""Heads on which constants of intervals are chosen; no benchmark judges on them."""
EXTENT_MM: Final = (165.0, 120.0, 100.0)
"""Of a scan: both joints, the ears and half of the face, which the localiser needs."""
WRONG_MM: Final = (0.2, 0.3)
"""How far outside the bone its outlines lie, and how much that varies over the surface."""
WRONG_OVER_MM: Final = 9.0
LEAST_OPEN: Final = 0.35
"""Of the joint space, at most so much is taken by either bone's outline."""
UNCUT_HU: Final = (-8192.0, 8191.0)
"""A gain of 1.25 takes air to −1400 HU: a limit of −1024 would sharpen its edges."""
RIM_MM: Final = 5.0
"""Painted beyond the scan, since its outer voxels see so far."""
AHEAD_MM, BELOW_MM = 25.0, 8.0


@dataclass(frozen=True, slots=True)
class Case:
    """One head in one scanner; ``machine`` None is a cone-beam machine drawn by ``seed``."""

    head: int
    scanner: str
    spacing_mm_xyz: Vector
    machine: Machine | None
    seed: int

    @property
    def key(self) -> str:
        """What tells this case from the others."""
        return f"{self.head} {self.scanner}"


class Phantom:
    """A head with its truth and its painting, each worked out when it is first asked for."""

    def __init__(self, number: int) -> None:
        """Head ``number`` of the benchmark; every sixth has its mouth half open."""
        slide = 6.0 if number % 6 == 5 else 0.0
        self.head: PhantomHead = draw_head(FIRST_SEED + number, variety=Variety(), open_mm=slide)
        self._truths: dict[Side, PhantomTruth] = {}
        self._topologies: dict[Side, npt.NDArray[np.uint8]] = {}

    def frame(self, side: Side) -> JointFrame:
        """The joint frame about one condyle."""
        return JointFrame(side, self.head.condyle_centre_mm(side))

    def topology(self, side: Side) -> npt.NDArray[np.uint8]:
        """What belongs to which bone (``Label``) over that frame, in frame order."""
        if side not in self._topologies:
            self._topologies[side] = misdrawn(self.head, self.frame(side))
        return self._topologies[side]

    def truth(self, side: Side) -> PhantomTruth:
        """The true figures of one joint."""
        if side not in self._truths:
            self._truths[side] = self.head.truth(side)
        return self._truths[side]

    @cached_property
    def corners_mm(self) -> tuple[Points, Points]:
        """The scan's lower and upper corner, LPS mm."""
        middle = np.mean([self.head.condyle_centre_mm(side) for side in Side], axis=0)
        middle = middle - np.array([0.0, AHEAD_MM, BELOW_MM])
        half = np.array(EXTENT_MM) / 2
        return middle - half, middle + half

    @cached_property
    def scene(self) -> Scene:
        """The head between the corners, both joints finely painted."""
        low, high = self.corners_mm
        return paint_scene([self.head], vector(low - RIM_MM), vector(high + RIM_MM))

    def scan(self, case: Case) -> Volume:
        """What the case's scanner makes of the head, int16."""
        low, high = self.corners_mm
        # voxels never lie alike: the grid's origin is drawn within a voxel
        shift = np.random.default_rng([case.seed, 3]).uniform(0.0, 1.0, 3) * case.spacing_mm_xyz
        size = np.floor((high - low - shift) / case.spacing_mm_xyz).astype(int)
        x, y, z = (int(n) for n in size)
        grid = Grid((x, y, z), case.spacing_mm_xyz, vector(low + shift))
        if case.machine is not None:
            return case.machine.sees(self.scene, grid, case.seed)
        sharp = Machine(noise_hu=0.0, blur_mm=0.05, limits_hu=(-1024.0, 8000.0))
        return self._cone_beam(sharp.sees(self.scene, grid), case.seed)

    def _cone_beam(self, sharp: Volume, seed: int) -> Volume:
        """The head in a dental machine whose field of view holds both measurement spheres."""
        drawn = ConeBeamSettings.draw(np.random.default_rng([seed, 5]))
        settings = replace(
            drawn,
            diameter_mm=max(drawn.diameter_mm, 160.0),
            height_mm=max(drawn.height_mm, 80.0),
            behind_mm=max(drawn.behind_mm, 25.0),
            above_mm=max(drawn.above_mm, 25.0),
        )
        joints = np.array([self.head.condyle_centre_mm(s) for s in (Side.RIGHT, Side.LEFT)])
        return simulate_cone_beam(sharp, seed, settings, joints_mm=joints)


def misdrawn(head: PhantomHead, frame: JointFrame) -> npt.NDArray[np.uint8]:
    """The bones of a joint outlined as networks do it: rightly told apart, their edges off.

    Outlines lie 0.2 mm outside the bone on average, more or less so by a smooth random field, so
    that whoever leaves them where they are is wrong. They leave the joint space open, and of bone
    thinner than a voxel they show a voxel.
    """
    z, y, x = np.indices(frame.grid.shape_zyx)
    points = frame.grid.to_world(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    rng = np.random.default_rng([int(abs(v) * 1000) for v in frame.centre_mm_xyz])
    away, off = [], []
    for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
        away.append(head.solid(label)(points))
        waves = Waves.draw(rng, 6, WRONG_OVER_MM)
        off.append(WRONG_MM[0] + WRONG_MM[1] * waves.value(Samples.of(*points.T)))
    condyle, bone = away
    open_mm = LEAST_OPEN * np.maximum(condyle + bone, 0.0)
    labels = np.zeros(len(points), dtype=np.uint8)
    labels[bone < np.minimum(np.clip(off[1], 0.5 * frame.spacing_mm, 0.8), open_mm)] = (
        Label.TEMPORAL_BONE
    )
    labels[bone < 0] = Label.TEMPORAL_BONE
    labels[condyle < np.minimum(np.clip(off[0], -0.5, 0.8), open_mm)] = Label.CONDYLE
    return frame.mirror(labels.reshape(frame.grid.shape_zyx))


def cases(heads: int, grids: list[str]) -> Iterator[Case]:
    """Every head on every grid, blur, noise, gain and offset of each a Latin hypercube's."""
    for index, name in enumerate(grids):
        rng = np.random.default_rng([41, index])
        drawn = latin_hypercube(rng, heads, 4)
        for head in range(heads):
            yield Case(head, name, GRIDS[name], machine_at(drawn[head]), 1000 * index + head)


def cone_beam_cases(heads: int) -> Iterator[Case]:
    """Every head in a cone-beam machine of its own."""
    for head in range(heads):
        yield _in_cone_beam(head)


def choosing_cases(scanners: Sequence[str] = (*GRIDS, CONE_BEAM)) -> Iterator[Case]:
    """The heads of ``CHOOSING``, each in one of the ``scanners``, in turn."""
    drawn = latin_hypercube(np.random.default_rng([43]), len(CHOOSING), 4)
    for head, shares in zip(CHOOSING, drawn, strict=True):
        name = scanners[head % len(scanners)]
        if name == CONE_BEAM:
            yield _in_cone_beam(head)
        else:
            yield Case(head, name, GRIDS[name], machine_at(shares), head)


def machine_at(shares: Points) -> Machine:
    """The scanner at shares (4,) of the ranges of blur, noise, gain and offset."""
    blur, noise, gain, offset = shares
    return Machine(
        blur_mm=between(0.3, 0.8)(blur),
        noise_hu=log_between(5.0, 60.0)(noise),
        gain=log_between(0.8, 1.25)(gain),
        offset_hu=between(-150.0, 150.0)(offset),
        limits_hu=UNCUT_HU,
    )


def _in_cone_beam(head: int) -> Case:
    return Case(head, CONE_BEAM, (0.3,) * 3, None, 9000 + head)


def latin_hypercube(rng: np.random.Generator, count: int, dimensions: int) -> Points:
    """(count, dimensions) in 0 to 1: each of ``count`` equal parts of every axis is hit once."""
    strata = np.stack([rng.permutation(count) for _ in range(dimensions)], axis=1)
    return np.asarray((strata + rng.random((count, dimensions))) / count)


def between(low: float, high: float) -> Callable[[float], float]:
    """The point at a share of the way from ``low`` to ``high``."""
    return lambda share: float(low + share * (high - low))


def log_between(low: float, high: float) -> Callable[[float], float]:
    """The same on a logarithmic scale."""
    return lambda share: float(low * (high / low) ** share)
