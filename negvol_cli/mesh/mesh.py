"""A triangle mesh and what can be computed from it without a mesh library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Vector

Triangles = npt.NDArray[np.int32]

_EVERY_SIDE: Final = 0b11111100


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh: ``points_mm`` (V, 3) and ``triangles`` (F, 3), wound outward.

    Neither array may be written to: what was computed from them once is kept.
    """

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

    @cached_property
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

    def beside_box(self, low_mm: npt.ArrayLike, high_mm: npt.ArrayLike) -> Mesh:
        """The triangles that may reach into the box from ``low_mm`` to ``high_mm`` (3,).

        Left out are those that lie on one side of it along an axis. What is left is not closed.
        """
        above = self.points_mm >= np.asarray(low_mm)
        below = self.points_mm <= np.asarray(high_mm)
        sides = np.packbits(np.hstack([above, below]), axis=1)[:, 0]  # a bit for each of six sides
        a, b, c = (sides[corner] for corner in self.triangles.T)
        keep = (a | b | c) == _EVERY_SIDE
        if keep.all():
            return self
        triangles = self.triangles[keep]
        used = np.zeros(len(self.points_mm), dtype=np.bool_)
        used[triangles] = True
        number = np.cumsum(used, dtype=np.int32) - 1
        return Mesh(self.points_mm[used], number[triangles])

    def triangle_normals(self) -> Points:
        """Return the outward unit normals (F, 3); zero for a triangle without area."""
        ab, bc, _ = self._sides()
        return _in_rows(_units(np.cross(ab, bc, axis=0)))

    def vertex_normals(self) -> Points:
        """Return unit normals (V, 3), the triangles' weighted by their angle at the vertex.

        These "pseudo-normals" tell inside from outside (Bærentzen and Aanæs, IEEE TVCG 2005). The
        array is kept, and read-only.
        """
        return self._vertex_normals

    @cached_property
    def _vertex_normals(self) -> Points:
        sides = self._sides()
        normals = _units(np.cross(sides[0], sides[1], axis=0))
        ways = [_units(side) for side in sides]
        summed = np.zeros((3, len(self.points_mm)))
        for i, corner in enumerate(self.triangles.T):
            angle = np.arccos(np.clip(-_dots(ways[i], ways[i - 1]), -1.0, 1.0))
            for component, weighted in zip(summed, normals * angle, strict=True):
                component += np.bincount(corner, weighted, minlength=len(component))
        found = _in_rows(_units(summed))
        found.flags.writeable = False
        return found

    def _sides(self) -> tuple[Points, Points, Points]:
        """The ways (3, F) from a triangle's corner to the next, a row for each component."""
        points = np.ascontiguousarray(self.points_mm.T)
        a, b, c = (np.take(points, corner, axis=1) for corner in self.triangles.T)
        return b - a, c - b, a - c


def unit(vectors: Points) -> Points:
    """Scale vectors (N, 3) to length 1; those of length 0 stay 0."""
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return vectors / np.where(length > 0, length, 1.0)[:, None]


def _units(ways: Points) -> Points:
    """As ``unit``, of vectors (3, N): by rows of components all is done in half of the time."""
    length = np.sqrt(_dots(ways, ways))
    return np.asarray(ways / np.where(length > 0, length, 1.0))


def _dots(one: Points, other: Points) -> Points:
    """(N,): the products of vectors (3, N)."""
    return np.asarray(np.einsum("ij,ij->j", one, other))


def _in_rows(ways: Points) -> Points:
    """(N, 3): a row for each vector (3, N)."""
    return np.ascontiguousarray(ways.T)
