"""Agreement of a segmentation with a reference, in millimetres.

The surface of a mask is the set of voxel faces between inside and outside (beyond the array is
outside), each with its centre and its area in mm². Distances run from the centres of one surface's
faces to the nearest of the other's, and each face is weighted by its area, so that anisotropic
voxels do not favour a direction, as in Nikolov et al., J Med Internet Res 23(7):e26151 (2021),
doi:10.2196/26151.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector, box_about
from negvol_cli.geometry.point_tree import PointTree

TOLERANCE_MM: Final = 1.0
"""Default tolerance of surface Dice: about one voxel of a clinical head CT."""

_INF, _NAN = float("inf"), float("nan")
_LEAST_PROBABILITY: Final = 1e-7
"""A single confident error then costs 16 nats (the logarithm) rather than infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """The agreement of a prediction P with a reference R, with surfaces S(P) and S(R).

    Both masks empty: NaN (and a volume difference of 0 mm³). One empty: distances are infinite,
    Dice, IoU and surface Dice 0; the difference in per cent is infinite if the reference is empty.

    Attributes
    ----------
    dice, iou
        2|P∩R| / (|P|+|R|) and |P∩R| / |P∪R|.
    hausdorff_mm
        The largest distance from either surface to the other.
    hd95_mm
        The larger of the two directed 95th percentiles (Maier-Hein et al., Metrics reloaded, Nature
        Methods 21:195 (2024)): the distance within which 95 % of a surface's area lies.
    mean_surface_distance_mm
        The mean over both surfaces together.
    surface_dice
        The share of both surfaces that lies within ``tolerance_mm`` of the other.
    volume_difference_mm3, volume_difference_percent
        P - R, and the same in per cent of R.
    """

    dice: float
    iou: float
    hausdorff_mm: float
    hd95_mm: float
    mean_surface_distance_mm: float
    surface_dice: float
    tolerance_mm: float
    volume_difference_mm3: float
    volume_difference_percent: float


def compare(
    prediction_mask: npt.NDArray[Any],
    reference_mask: npt.NDArray[Any],
    spacing_mm_xyz: Vector,
    *,
    tolerance_mm: float = TOLERANCE_MM,
) -> Metrics:
    """Compute the metrics of two masks [z, y, x] of the same shape; non-zero voxels are inside.

    Raises
    ------
    ValueError
        The masks have different shapes.
    """
    prediction, reference = _as_masks(prediction_mask, reference_mask)
    p, r = int(prediction.sum()), int(reference.sum())
    both = int((prediction & reference).sum())
    difference = (p - r) * float(np.prod(spacing_mm_xyz))
    if p and r:
        percent = 100 * (p - r) / r
        box = box_about(prediction | reference)
        hausdorff, hd95, mean, overlap = _surface_metrics(
            prediction[box], reference[box], spacing_mm_xyz, tolerance_mm
        )
    else:
        nothing = p == r
        hausdorff = hd95 = mean = _NAN if nothing else _INF
        overlap = _NAN if nothing else 0.0
        percent = _NAN if nothing else (-100.0 if r else _INF)
    return Metrics(
        dice=2 * both / (p + r) if p + r else _NAN,
        iou=both / (p + r - both) if p + r else _NAN,
        hausdorff_mm=hausdorff,
        hd95_mm=hd95,
        mean_surface_distance_mm=mean,
        surface_dice=overlap,
        tolerance_mm=tolerance_mm,
        volume_difference_mm3=difference,
        volume_difference_percent=percent,
    )


def cross_entropy(probability: npt.NDArray[Any], reference_mask: npt.NDArray[Any]) -> float:
    """Return the mean binary cross-entropy, in nats per voxel.

    Probabilities are kept 1e-7 away from 0 and 1, so that a single confident error costs about
    16 nats rather than infinity.

    Raises
    ------
    ValueError
        The arrays have different shapes or no voxels.
    """
    if probability.shape != reference_mask.shape or probability.size == 0:
        raise ValueError(f"shapes {probability.shape} and {reference_mask.shape} do not match")
    chance = np.where(reference_mask != 0, probability, 1.0 - probability)
    return float(-np.log(np.clip(chance, _LEAST_PROBABILITY, 1.0), dtype=np.float64).mean())


def _as_masks(
    prediction: npt.NDArray[Any], reference: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    if prediction.shape != reference.shape:
        raise ValueError(f"shapes {prediction.shape} and {reference.shape} do not match")
    return prediction != 0, reference != 0


def _surface_metrics(
    prediction: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
    spacing_mm_xyz: Vector,
    tolerance_mm: float,
) -> tuple[float, float, float, float]:
    """Hausdorff, HD95 and mean distance in mm, and surface Dice, of masks with voxels in both."""
    points_p, area_p = _faces(prediction, spacing_mm_xyz)
    points_r, area_r = _faces(reference, spacing_mm_xyz)
    to_r, _ = PointTree(points_r).query(points_p)
    to_p, _ = PointTree(points_p).query(points_r)
    near, area = np.concatenate([to_r, to_p]), np.concatenate([area_p, area_r])
    within = area[near <= tolerance_mm + 1e-9].sum()
    return (
        float(near.max()),
        max(_percentile95(to_r, area_p), _percentile95(to_p, area_r)),
        float(np.average(near, weights=area)),
        float(within / area.sum()),
    )


def _faces(
    mask: npt.NDArray[np.bool_], spacing_mm_xyz: Vector
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Centres (N, 3), z, y, x in mm, and areas (N,) in mm² of the faces of a mask [z, y, x]."""
    spacing = np.array(spacing_mm_xyz[::-1], dtype=np.float64)
    padded = np.pad(mask, 1)
    points, areas = [], []
    for axis in range(3):
        index = np.argwhere(np.diff(padded, axis=axis)).astype(np.float64)
        index[:, axis] += 0.5
        points.append(index * spacing)
        areas.append(np.full(len(index), spacing.prod() / spacing[axis]))
    return np.concatenate(points), np.concatenate(areas)


def _percentile95(distances: npt.NDArray[np.float64], area: npt.NDArray[np.float64]) -> float:
    """The least distance within which 95 % of the area lies."""
    order = np.argsort(distances)
    share = np.cumsum(area[order]) / area.sum()
    return float(distances[order[np.searchsorted(share, 0.95 - 1e-12)]])
