"""The joint space by direction around the condylar head."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace
from negvol_cli.steps.landmarks import Head
from negvol_cli.steps.process_axis import Axis

SECTOR_COSINE: Final = float(np.cos(np.radians(45.0)))
"""Half the angle between neighbouring directions, so that sectors meet."""
SECTOR_VERTICES: Final = 5
"""Fewer vertices would make a median of noise."""

NARROWEST_PERCENT: Final = 5.0
"""The minimum over thousands of vertices is that of the noise (docs/method.md)."""

SECTORS: Final = {
    "superior": (0.0, 0.0, 1.0),
    "anterior": (0.0, -1.0, 0.0),
    "posterior": (0.0, 1.0, 0.0),
    "medial": (-1.0, 0.0, 0.0),
    "lateral": (1.0, 0.0, 0.0),
}
"""Unit vectors in the axes of the condylar process: to lateral, to posterior, up."""


def ways_from(head_centre_mm: npt.ArrayLike, axis: Axis, points_mm: Points) -> Points:
    """(N, 3): unit vectors from the head's centre to points (N, 3), to lateral, posterior, up."""
    offset = (points_mm - np.asarray(head_centre_mm)) @ axis.directions.T
    return np.asarray(offset / np.linalg.norm(offset, axis=1, keepdims=True))


def joint_space(
    condyle: Mesh, space_mm: npt.NDArray[np.float64], head: Head, axis: Axis
) -> JointSpace:
    """Return the narrowest joint space, and the medians within 45° of each direction.

    ``space_mm`` (V,) belongs to the vertices of ``condyle`` and is NaN where there is none. The
    narrowest is the 5th percentile: the minimum over thousands of vertices is noise.
    """
    ending = head.of_condyle & np.isfinite(space_mm)
    space = space_mm[ending]
    ways = ways_from(head.centre_mm, axis, condyle.points_mm[ending])
    medians: dict[str, float | None] = {}
    for name, towards in SECTORS.items():
        part = space[ways @ np.array(towards) >= SECTOR_COSINE]
        medians[name] = float(np.median(part)) if len(part) >= SECTOR_VERTICES else None
    narrowest = float(np.percentile(space, NARROWEST_PERCENT)) if len(space) else None
    return JointSpace(narrowest=narrowest, **medians)
