"""The joint space by direction about the condylar head."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace
from negvol_cli.steps.landmarks import Head

SECTOR_COSINE: Final = float(np.cos(np.radians(45.0)))
SECTOR_VERTICES: Final = 5
SECTORS: Final = {
    "superior": (0.0, 0.0, 1.0),
    "anterior": (0.0, -1.0, 0.0),
    "posterior": (0.0, 1.0, 0.0),
    "medial": (-1.0, 0.0, 0.0),
    "lateral": (1.0, 0.0, 0.0),
}


def joint_space(condyle: Mesh, space_mm: npt.NDArray[np.float64], head: Head) -> JointSpace:
    """Minimum over the head, and medians of its parts within 45° of each direction."""
    ending = head.of_condyle & np.isfinite(space_mm)
    space = space_mm[ending]
    offset = condyle.points_mm[ending] - head.centre_mm
    cosine = offset / np.linalg.norm(offset, axis=1, keepdims=True)
    medians: dict[str, float | None] = {}
    for name, towards in SECTORS.items():
        part = space[cosine @ np.array(towards) >= SECTOR_COSINE]
        medians[name] = float(np.median(part)) if len(part) >= SECTOR_VERTICES else None
    return JointSpace(minimum=float(space.min()) if len(space) else None, **medians)
