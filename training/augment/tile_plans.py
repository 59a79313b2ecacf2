"""What is decided of a localiser's tile before it is drawn: where it lies, and what is seen of it.

All of this is a few numbers a tile, made on the host; ``tiles`` draws the voxels on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Points
from training.augment.cone_beam import Cylinder, Exposure, draw_exposure
from training.augment.placement import rotation
from training.augment_config import AugmentConfig
from training.config import LOCALISER_SPACING_MM

ABOUT_JOINTS_SHARE: Final = 0.8
"""Of the tiles; the others lie anywhere in the scan."""
ABOUT_JOINTS_MM: Final = 70.0
ENDS_MM: Final = 70.0
"""How far from a tile's middle a scan that is cut ends, at most."""

FLIPS: Final = ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))
"""Of y and z: back to front, upside down, and both."""

EDGE_MM: Final = (-8.0, 16.0)
"""Joints that lie so deep inside their tile and scan, or so far outside, are not asked for."""
FIELD_EDGE_MM: Final = (-8.0, 4.0)
"""The same of a cone beam's field, near whose edge joints do lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """One joint's place, mm from the tile's middle (x, y, z), and what is asked there.

    ``shown`` says whether there is heat, ``unclear`` whether nothing is asked about it.
    """

    at_mm: npt.NDArray[np.float64]
    shown: bool
    unclear: bool


@dataclass(frozen=True, slots=True, eq=False)
class TilePlan:
    """How one tile lies in its scan, what a cone-beam machine sees of it, and its joints.

    A point p in mm from the tile's middle lies at ``middle_mm + matrix @ p`` in the scan. The scan
    reaches from ``ends_mm[0]`` to ``ends_mm[1]`` along z. ``joints`` are the right and the left
    one, or none.
    """

    middle_mm: npt.NDArray[np.float64]
    matrix: npt.NDArray[np.float64]
    ends_mm: tuple[float, float]
    exposure: Exposure | None
    joints: tuple[Joint, ...]


def draw_plan(
    grid: Grid, centres_mm: Points, rng: np.random.Generator, config: AugmentConfig, size: int
) -> TilePlan:
    """A turned, scaled, perhaps mirrored tile of ``size`` voxels a side of the scan on ``grid``.

    ``centres_mm`` (2, 3) or (0, 3) are the joints, right then left, LPS mm. Mirrored heads swap
    their sides. Heads turned over, or lying on a side, have no heat, so that the localiser's
    silence on them can be told from its answer on the upright one.
    """
    tiles = config.tiles
    middle = _middle(grid, centres_mm, rng)
    matrix = rotation(np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg, 3)))
    matrix = matrix * np.exp(rng.uniform(-config.scale, config.scale))
    if rng.random() < tiles.small_share:
        matrix = matrix / rng.uniform(*tiles.small)
    if rng.random() < 0.5:
        matrix, centres_mm = matrix * [-1.0, 1.0, 1.0], centres_mm[::-1]
    turned, upright = _turned(rng, config)
    matrix = matrix @ turned
    at_mm = (centres_mm - middle) @ np.linalg.inv(matrix).T
    exposure, ends = None, (-np.inf, np.inf)
    if upright and rng.random() < tiles.cone_beam_share:
        exposure = draw_exposure(at_mm, rng, LOCALISER_SPACING_MM)
    elif rng.random() < tiles.cut_share:
        ends = _ends(rng)
    half, field = size / 2 * LOCALISER_SPACING_MM, exposure.field if exposure else None
    joints = tuple(_joint(at, half, ends, field, upright=upright) for at in at_mm)
    return TilePlan(middle, matrix, ends, exposure, joints)


def _middle(grid: Grid, centres_mm: Points, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    corners = grid.corners_mm()
    if len(centres_mm) and rng.random() < ABOUT_JOINTS_SHARE:
        away = rng.uniform(-ABOUT_JOINTS_MM, ABOUT_JOINTS_MM, 3)
        return np.asarray(centres_mm.mean(axis=0) + away)
    return np.asarray(rng.uniform(corners.min(axis=0), corners.max(axis=0)))


def _turned(rng: np.random.Generator, config: AugmentConfig) -> tuple[Points, bool]:
    """(3, 3): turned over, turned onto a side, or as it is; and whether it still is upright."""
    lot, tiles = rng.random(), config.tiles
    if lot < tiles.upside_down_share:
        return np.diag([1.0, *FLIPS[int(rng.integers(len(FLIPS)))]]), False
    if lot < tiles.upside_down_share + tiles.on_side_share:
        quarter = np.zeros(3)
        quarter[rng.integers(3)] = rng.choice((-1.0, 1.0)) * np.pi / 2
        return rotation(quarter), False
    return np.eye(3), True


def _ends(rng: np.random.Generator) -> tuple[float, float]:
    """Between which heights the scan has slices: below, or above, a random one."""
    edge = float(rng.uniform(-ENDS_MM, ENDS_MM))
    return (-np.inf, edge) if rng.random() < 0.5 else (edge, np.inf)


def _joint(
    at_mm: npt.NDArray[np.float64],
    half_mm: float,
    ends_mm: tuple[float, float],
    field: Cylinder | None,
    *,
    upright: bool,
) -> Joint:
    """A joint of a tile that is ``half_mm`` to each face."""
    z, (low, high) = float(at_mm[2]), ends_mm
    depth = min(half_mm - float(np.abs(at_mm).max()), z - low, high - z)
    in_field = field.depth(at_mm) if field else np.inf
    unclear = EDGE_MM[0] < depth <= EDGE_MM[1] or FIELD_EDGE_MM[0] < in_field <= FIELD_EDGE_MM[1]
    return Joint(at_mm, upright and min(depth, in_field) > 0, unclear)
