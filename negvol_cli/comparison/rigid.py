"""Rigid motions in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import Mesh


@dataclass(frozen=True, slots=True, eq=False)
class Rigid:
    """x goes to ``turn`` x + ``shift_mm``; ``turn`` is (3, 3), ``shift_mm`` (3,)."""

    turn: npt.NDArray[np.float64]
    shift_mm: npt.NDArray[np.float64]

    @classmethod
    def identity(cls) -> Rigid:
        """What moves nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def about(
        cls, pivot_mm: npt.ArrayLike, vector_degrees: npt.ArrayLike, shift_mm: npt.ArrayLike
    ) -> Rigid:
        """A turn about a point by a rotation vector (3,), right-handed, and then a shift (3,)."""
        pivot = np.asarray(pivot_mm, dtype=float)
        turn = Rotation.from_rotvec(vector_degrees, degrees=True).as_matrix()
        return cls(turn, pivot - turn @ pivot + np.asarray(shift_mm, dtype=float))

    def __call__(self, points_mm: npt.ArrayLike) -> Points:
        """Where points (..., 3) go."""
        return np.asarray(points_mm, dtype=float) @ self.turn.T + self.shift_mm

    def after(self, first: Rigid) -> Rigid:
        """The motion ``first`` and then this one."""
        return Rigid(self.turn @ first.turn, self(first.shift_mm))

    @property
    def inverse(self) -> Rigid:
        """The way back."""
        return Rigid(self.turn.T, -self.turn.T @ self.shift_mm)

    @property
    def vector_degrees(self) -> npt.NDArray[np.float64]:
        """The rotation vector (3,): right-handed turns about LPS x, y and z, in degrees."""
        return np.asarray(Rotation.from_matrix(self.turn).as_rotvec(degrees=True))

    def moved(self, mesh: Mesh) -> Mesh:
        """A mesh taken along."""
        return Mesh(self(mesh.points_mm), mesh.triangles)
