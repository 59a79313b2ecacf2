"""The triangles around each vertex of a mesh, and the points of them closest to given points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points
from negvol_cli.mesh.mesh import Mesh

Scalars = npt.NDArray[np.float64]

_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Feet:
    """The points of a mesh closest to N given points.

    Each is ``(1 - u - w) a + u b + w c`` on the triangle whose corners (N,) are the vertices
    ``a``, ``b`` and ``c``; ``squared`` is its squared distance, mm².
    """

    a: npt.NDArray[np.int32]
    b: npt.NDArray[np.int32]
    c: npt.NDArray[np.int32]
    u: Scalars
    w: Scalars
    squared: Scalars

    def blend(self, values: Points) -> Points:
        """(N, 3): what values (V, 3) of the vertices are at the closest points."""
        u, w = self.u[:, None], self.w[:, None]
        at_a, at_b, at_c = (np.take(values, corner, axis=0) for corner in (self.a, self.b, self.c))
        return np.asarray((1.0 - u - w) * at_a + u * at_b + w * at_c)


class Rings:
    """For each vertex of a closed mesh, the triangles that meet there.

    A triangle stands in three rings, once for each corner, turned so that this corner comes first:
    from there a point is looked at, and what of a triangle does not depend on the point (the edges
    ab and ac, and their products) is kept for each corner.
    """

    def __init__(self, mesh: Mesh) -> None:
        turned = [np.roll(mesh.triangles, -turn, axis=1) for turn in range(3)]
        self._corners = np.ascontiguousarray(np.stack(turned, axis=1).reshape(-1, 3).T)
        self._points = mesh.points_mm
        a, b, c = (np.take(mesh.points_mm, corner, axis=0) for corner in self._corners)
        self._ab, self._ac = b - a, c - a
        self._bb, self._bc, self._cc = (
            np.einsum("ij,ij->i", one, other)
            for one, other in ((self._ab, self._ab), (self._ab, self._ac), (self._ac, self._ac))
        )
        self._ring = _by_vertex(self._corners[0], len(mesh.points_mm))

    def feet(self, points_mm: Points, vertex: npt.NDArray[np.intp]) -> Feet:
        """The closest points, for points (N, 3), of the triangles around their vertices (N,)."""
        v = points_mm - np.take(self._points, vertex, axis=0)
        far = np.einsum("ij,ij->i", v, v)
        squared = np.full(len(v), np.inf)
        which = np.zeros(len(v), dtype=np.intp)
        u, w = np.zeros(len(v)), np.zeros(len(v))
        for column in np.ascontiguousarray(np.take(self._ring, vertex, axis=0).T):
            some = np.flatnonzero(column >= 0)
            if not len(some):
                break  # rings are filled from their beginning
            whole = len(some) == len(v)
            corner = column if whole else column[some]
            found = self._on_triangles(
                v if whole else np.take(v, some, axis=0), far if whole else far[some], corner
            )
            nearer = np.flatnonzero(found[0] < (squared if whole else squared[some]))
            at = nearer if whole else some[nearer]
            which[at] = corner[nearer]
            for kept, new in zip((squared, u, w), found, strict=True):
                kept[at] = new[nearer]
        a, b, c = (np.take(corner, which) for corner in self._corners)
        return Feet(a, b, c, u, w, squared)

    def _on_triangles(
        self, v: Points, far: Scalars, corner: npt.NDArray[np.int32]
    ) -> tuple[Scalars, Scalars, Scalars]:
        """Squared distance and u, w of the point closest to a + ``v`` (N, 3) on triangles (N,).

        ``far`` is ``v`` · ``v``. The edge ac is that of the next triangle around the vertex.
        """
        bb, bc, cc = (np.take(known, corner) for known in (self._bb, self._bc, self._cc))
        vb = np.einsum("ij,ij->i", v, np.take(self._ab, corner, axis=0))
        vc = np.einsum("ij,ij->i", v, np.take(self._ac, corner, axis=0))
        area = np.maximum(bb * cc - bc * bc, _TINY)
        u, w = (cc * vb - bc * vc) / area, (bb * vc - bc * vb) / area
        inside = (u >= 0.0) & (w >= 0.0) & (u + w <= 1.0)
        squared = np.where(inside, far - u * vb - w * vc, np.inf)

        share = np.clip(vb / np.maximum(bb, _TINY), 0.0, 1.0)  # along ab
        edge = far - share * (2.0 * vb - share * bb)
        nearer = edge < squared
        np.copyto(squared, edge, where=nearer)
        np.copyto(u, share, where=nearer)
        np.copyto(w, 0.0, where=nearer)

        along, length = vc - vb + bb - bc, np.maximum(bb - 2.0 * bc + cc, _TINY)
        share = np.clip(along / length, 0.0, 1.0)  # along bc
        edge = far - 2.0 * vb + bb - share * (2.0 * along - share * length)
        nearer = edge < squared
        np.copyto(squared, edge, where=nearer)
        np.copyto(u, 1.0 - share, where=nearer)
        np.copyto(w, share, where=nearer)
        return squared, u, w


def _by_vertex(first: npt.NDArray[np.int32], vertices: int) -> npt.NDArray[np.int32]:
    """(V, K): the corners (C,) that lie at each vertex, filled up with -1."""
    order = np.argsort(first, kind="stable")
    degree = np.bincount(first, minlength=vertices)
    rank = np.arange(len(first)) - np.repeat(np.cumsum(degree) - degree, degree)
    ring = np.full((vertices, int(degree.max(initial=1))), -1, dtype=np.int32)
    ring[first[order], rank] = order
    return ring
