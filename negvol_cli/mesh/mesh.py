"""A triangle mesh and what can be computed from it without a mesh library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector

Triangles = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A triangle mesh: ``points_mm`` (V, 3) and ``triangles`` (F, 3), wound outward."""

    points_mm: Points
    triangles: Triangles

    @classmethod
    def empty(cls) -> Mesh:
        """Return a mesh without points and triangles."""
        return cls(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int32))

    @property
    def is_empty(self) -> bool:
        """Whether the mesh has no triangles."""
        return len(self.triangles) == 0

    @property
    def volume_mm3(self) -> float:
        """The enclosed volume in mm³ by the divergence theorem; meaningful for a closed mesh."""
        a, b, c = (self.points_mm[self.triangles[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)

    @property
    def centroid_mm(self) -> Vector:
        """The centre of mass of the enclosed solid, by the divergence theorem.

        Raises
        ------
        ValueError
            The mesh is empty.
        """
        if self.is_empty:
            raise ValueError("an empty mesh has no centroid")
        base = self.points_mm.mean(axis=0)  # near the solid, so that little cancels
        a, b, c = (self.points_mm[self.triangles[:, i]] - base for i in range(3))
        sixfold = np.einsum("ij,ij->i", a, np.cross(b, c))
        x, y, z = base + sixfold @ (a + b + c) / (4.0 * sixfold.sum())
        return (float(x), float(y), float(z))

    @property
    def is_watertight(self) -> bool:
        """Whether every edge joins exactly two triangles that run along it in opposite directions.

        A mesh of several closed shells is watertight; an empty mesh is not.
        """
        if self.is_empty:
            return False
        count = len(self.points_mm)
        t = self.triangles.astype(np.int64)
        start, end = t.ravel(), np.roll(t, -1, axis=1).ravel()
        forth = np.sort(start * count + end)
        back = np.sort(end * count + start)
        return bool((forth[1:] != forth[:-1]).all() and np.array_equal(forth, back))

    def triangle_normals(self) -> Points:
        """Return the outward unit normals (F, 3); zero for a triangle without area."""
        a, b, c = (self.points_mm[self.triangles[:, i]] for i in range(3))
        return unit(np.cross(b - a, c - a))

    def vertex_normals(self) -> Points:
        """Return unit normals (V, 3), the triangles' weighted by their angle at the vertex.

        These "pseudo-normals" tell inside from outside (Bærentzen and Aanæs, IEEE TVCG 2005).
        """
        normals = self.triangle_normals()
        summed = np.zeros_like(self.points_mm)
        corners = [self.points_mm[self.triangles[:, i]] for i in range(3)]
        for i in range(3):
            here, ahead, behind = corners[i], corners[(i + 1) % 3], corners[(i + 2) % 3]
            cosine = np.einsum("ij,ij->i", unit(ahead - here), unit(behind - here))
            weighted = normals * np.arccos(np.clip(cosine, -1.0, 1.0))[:, None]
            for axis in range(3):
                summed[:, axis] += np.bincount(
                    self.triangles[:, i], weighted[:, axis], minlength=len(summed)
                )
        return unit(summed)


def unit(vectors: Points) -> Points:
    """Scale vectors (N, 3) to length 1; those of length 0 stay 0."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return vectors / np.where(length > 0, length, 1.0)[:, None]
