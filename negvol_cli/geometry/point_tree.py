"""The nearest of many points, found by pykdtree.

SciPy's tree gives the same, and takes longer: to search, and to load all that ``scipy.spatial``
brings along.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pykdtree.kdtree import KDTree

from negvol_cli.geometry.grid import Points

LEAF: Final = 16


class PointTree:
    """Points (V, D), mm, among which the nearest to others are found. V may be 0.

    Raises ValueError for points that are not finite.
    """

    def __init__(self, points_mm: Points) -> None:
        self._count = len(points_mm)
        points = _finite(points_mm)
        self._tree = KDTree(points, leafsize=LEAF) if self._count else None

    def query(
        self, points_mm: Points, k: int = 1, within_mm: float = np.inf
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        """How far the ``k`` points nearest to each of N are, mm, and which they are.

        Both are (N,), or (N, k) for several, the nearest first. Where there are fewer nearer than
        ``within_mm``, the distance is infinite and the index V.

        Raises ValueError for points that are not finite.
        """
        points = _finite(points_mm)
        if self._tree is None:
            shape = (len(points),) if k == 1 else (len(points), k)
            return np.full(shape, np.inf), np.zeros(shape, dtype=np.intp)
        bound: Any = None if np.isinf(within_mm) else within_mm
        away, which = self._tree.query(points, k=k, distance_upper_bound=bound)
        if k > self._count:
            away[which >= self._count] = np.inf
        return away, np.minimum(which, self._count).astype(np.intp)


def _finite(points_mm: Points) -> Points:
    points = np.ascontiguousarray(points_mm, dtype=np.float64)
    if not np.isfinite(points).all():
        raise ValueError("points must be finite")
    return points
