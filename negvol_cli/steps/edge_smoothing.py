"""Neighbouring edges steady each other: one smooth displacement of a surface from many fits."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from negvol_cli.geometry.grid import Points
from negvol_cli.geometry.point_tree import PointTree

Floats = npt.NDArray[np.float64]

# Each constant down to SWEEPS but FLOOR_SD_MM, halved or doubled, moves a phantom's edges by 0.004
# mm at most, median of a bone; at half of STEP_SD_MM they are 0.013 mm worse
# (``benchmarks.edge_constants``).
NEIGHBOURS: Final = 8
FARTHEST_MM: Final = 2.2
"""Edges are fitted 0.8 mm apart (``edge_points.APART_MM``): those next to one, and diagonally,
with room for gaps of two."""
LIKE_NORMALS: Final = 0.3
"""The least cosine between the normals of neighbours: the far side of a plate is not one."""
STEP_SD_MM: Final = 0.12
"""By how much the displacement of neighbours 0.8 mm apart may differ."""
FLOOR_SD_MM: Final = 0.03
"""No fit is trusted to more than this, a twentieth of a voxel of the joint frame."""
OUTLIER: Final = 2.0
"""Standard deviations from which on a fit counts less (Huber)."""
ROUNDS: Final = 3
"""In which outliers are weighed anew."""
SWEEPS: Final = 12
"""Of Jacobi's method: an edge is steadied by neighbours a few millimetres off, not by more."""
UNKNOWN_SD_MM: Final = 0.5
"""Of an edge that neither its own fit nor a neighbour tells: how far networks' outlines vary from
where they usually lie. Without it a few such points would be all that an interval is made of."""
TINY: Final = 1e-3
"""Per mm²: keeps a vertex without neighbours and fit at 0, against 1,000 for a fit of 0.03 mm."""


class Neighbours(NamedTuple):
    """Of V points, each one's eight ``nearest`` (V, 8), and how ``alike`` (V, 8), 0 to 1."""

    nearest: npt.NDArray[np.intp]
    alike: Floats


def neighbours(points_mm: Points, normals: Points) -> Neighbours | None:
    """The neighbours of points (V, 3) of a surface; None where there are too few points."""
    if len(points_mm) <= NEIGHBOURS:
        return None
    far, index = PointTree(points_mm).query(points_mm, k=NEIGHBOURS + 1)
    far, index = far[:, 1:], index[:, 1:]
    cosine = np.einsum("vi,vki->vk", normals, normals[index])
    alike = np.clip((cosine - LIKE_NORMALS) / (1.0 - LIKE_NORMALS), 0.0, 1.0)
    return Neighbours(index, np.where(far <= FARTHEST_MM, alike, 0.0))


def steadied(
    near: Neighbours | None, offset_mm: Floats, sd_mm: Floats, *, alone: bool = True
) -> tuple[Floats, Floats]:
    """Offsets (V,) and their standard deviations after each was weighed against its neighbours.

    The smoothest field in the sense of ``STEP_SD_MM`` that the fits allow, a fit far from its
    neighbours counting less. NaN offsets take what their neighbours say. ``alone`` is false where
    fits rest on what their neighbours saw: then neighbours make none any surer.
    """
    if near is None:
        return np.where(np.isfinite(offset_mm), offset_mm, 0.0), sd_mm
    index, alike = near
    count, many = index.shape
    rows = np.repeat(np.arange(count), many)
    pull = alike.ravel() / (many / 2 * STEP_SD_MM**2)
    links = csr_matrix((pull, (rows, index.ravel())), shape=(count, count))
    links = (links + links.T) / 2.0
    stiffness = np.asarray(links.sum(axis=1)).ravel()
    known = np.isfinite(offset_mm)
    target = np.where(known, offset_mm, 0.0)
    variance = sd_mm**2 + FLOOR_SD_MM**2
    field = np.where(known, target, np.median(offset_mm[known]) if known.any() else 0.0)
    weight = np.where(known, 1.0 / variance, 0.0)
    for _ in range(ROUNDS):
        for _ in range(SWEEPS):
            pulled = links @ field + weight * target + TINY * field
            field = pulled / (stiffness + weight + TINY)
        away = np.abs(target - field) / np.sqrt(variance)
        weight = np.where(known, np.minimum(1.0, OUTLIER / np.maximum(away, 1e-9)) / variance, 0.0)
    if not alone:
        return field, np.asarray(1.0 / np.sqrt(weight + UNKNOWN_SD_MM**-2.0))
    # a neighbour says as much as it knows, less what the surface may change on the way to it
    told = links.tocoo()
    behind = 1.0 / np.maximum(weight[told.col], TINY)
    borrowed = np.bincount(told.row, told.data / (1.0 + told.data * behind), minlength=count)
    return field, np.asarray(1.0 / np.sqrt(weight + borrowed + UNKNOWN_SD_MM**-2.0))


def spread_over(
    points_mm: Points, normals: Points, at_mm: Points, at_normals: Points, values: Floats
) -> Floats:
    """(W,): values (V,) of points carried over to other points (W, 3) of the same surface.

    Of the six nearest those count whose normals are alike, the nearer the more.
    """
    far, index = PointTree(points_mm).query(at_mm, k=min(6, len(points_mm)))
    cosine = np.einsum("wi,wki->wk", at_normals, normals[index])
    alike = np.maximum(cosine - LIKE_NORMALS, 1e-6)
    weight = alike / (far**2 + 0.05)
    return np.asarray((weight * values[index]).sum(axis=1) / weight.sum(axis=1))
