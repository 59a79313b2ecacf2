"""A triangle mesh and what can be said of it without a mesh library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.volume import Points

Triangles = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh: ``points_mm`` (V, 3) and ``triangles`` (F, 3), wound outward."""

    points_mm: Points
    triangles: Triangles

    @property
    def volume_mm3(self) -> float:
        """The enclosed volume in mm³ (divergence theorem; meaningful for a closed mesh)."""
        a, b, c = (self.points_mm[self.triangles[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)
