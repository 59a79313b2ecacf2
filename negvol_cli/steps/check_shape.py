"""Checks of the shape of a measured joint: hollows, contact, roof, joint space, volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Points, Vector, crop, vector
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.distance import Surface
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label

Mask = npt.NDArray[np.bool_]

CLOSED_MM: Final = 1.0
"""With it good joints had at most 15 mm³ of hollows and bad ones over 100, in eight real scans."""
NEAR_MM: Final = 15.0
"""Of the head centre: the measurement sphere of the method, whatever clip is set."""
TOUCHING_MM: Final = 0.3
"""Of the distances from 0.2 to 0.5 mm (a voxel of the joint frame) those up to 0.3 tell joints that
are right best from others (``limits.CONTACT``)."""
MET_MM: Final = 1.0
"""Two voxels of the joint frame: vertices so near to where a way ends are what it meets."""
UPWARD_COSINE: Final = float(np.cos(np.radians(45.0)))
"""The sector that the superior joint space is measured in (``joint_space.SECTOR_COSINE``)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A measured value and, in frame mm, the place that stands for it, or None."""

    value: float
    where_mm: Vector | None = None

    @classmethod
    def share(cls, found: Mask, points_mm: Points) -> Finding:
        """The share of points (N, 3) that were ``found`` (N,), N > 0, and the middle of those."""
        where = vector(points_mm[found].mean(axis=0)) if found.any() else None
        return cls(float(found.mean()), where)


def hollow_mm3(geometry: JointGeometry) -> Finding:
    """Return the volume inside the condyle that is neither bone, and where its largest piece lies.

    Inside is what the condyle, closed by 1 mm, encloses in some sagittal, coronal or axial slice
    near the condylar head. Any negative volume inside the condyle is part of it.
    """
    grid = geometry.frame.local_grid
    reach = NEAR_MM + 2 * CLOSED_MM
    labels, part = crop(geometry.labels_zyx, grid, geometry.head_centre_mm, reach)
    condyle = labels == Label.CONDYLE
    closed = ndimage.binary_closing(condyle, _ball(CLOSED_MM / geometry.frame.spacing_mm))
    enclosed = np.any([_enclosed(closed, axis) for axis in range(3)], axis=0)
    empty = enclosed & (labels != Label.TEMPORAL_BONE)
    points = part.to_world(np.argwhere(empty)[:, ::-1])
    near = np.linalg.norm(points - geometry.head_centre_mm, axis=1) <= NEAR_MM
    if not near.any():
        return Finding(0.0)
    pieces, _ = ndimage.label(empty)
    sizes = np.bincount(pieces[empty][near])
    largest = near & (pieces[empty] == int(np.argmax(sizes)))
    return Finding(float(near.sum()) * grid.voxel_mm3, vector(points[largest].mean(axis=0)))


def bone_mm3(geometry: JointGeometry) -> float:
    """The volume of the temporal bone within 15 mm of the head centre."""
    grid = geometry.frame.local_grid
    labels, part = crop(geometry.labels_zyx, grid, geometry.head_centre_mm, NEAR_MM)
    points = part.to_world(np.argwhere(labels == Label.TEMPORAL_BONE)[:, ::-1])
    near = np.linalg.norm(points - geometry.head_centre_mm, axis=1) <= NEAR_MM
    return float(near.sum()) * grid.voxel_mm3


def contact_share(geometry: JointGeometry) -> Finding:
    """Return the share, 0 to 1, of the condylar surface within 0.3 mm of temporal bone."""
    points = head_points(geometry)
    if geometry.temporal_bone.is_empty or not len(points):
        return Finding(0.0)
    bone = geometry.temporal_bone.beside_box(
        points.min(axis=0) - TOUCHING_MM, points.max(axis=0) + TOUCHING_MM
    )
    if bone.is_empty:
        return Finding(0.0)
    distance = Surface(bone).nearest(points, TOUCHING_MM).distance_mm
    return Finding.share(np.abs(distance) < TOUCHING_MM, points)


def roof_share(geometry: JointGeometry) -> Finding:
    """Return the share, 0 to 1, of the upper condylar surface that faces temporal bone."""
    offset = geometry.condyle.points_mm - geometry.head_centre_mm
    length = np.maximum(np.linalg.norm(offset, axis=1), 1e-9)
    upward = offset @ np.array(geometry.axis.up) >= UPWARD_COSINE * length
    up = upward & geometry.of_head
    if not up.any():
        return Finding(0.0)
    open_ = up & ~np.isfinite(geometry.joint_space_mm)
    where = vector(geometry.condyle.points_mm[open_].mean(axis=0)) if open_.any() else None
    return Finding(1.0 - float(open_.sum() / up.sum()), where)


def head_points(geometry: JointGeometry) -> Points:
    """Return the vertices (N, 3) of the condylar head, frame mm."""
    return np.asarray(geometry.condyle.points_mm[geometry.of_head])


def met_bone(geometry: JointGeometry) -> Mask:
    """Which vertices (V,) of the temporal bone the condyle's normals end on.

    They face the condyle: the surface that bounds the negative volume, and neither the far side of
    a thin roof nor the wall of a cell within the bone.
    """
    bone, ways = geometry.temporal_bone, np.isfinite(geometry.joint_space_mm)
    if bone.is_empty or not ways.any():
        return np.zeros(len(bone.points_mm), dtype=bool)
    normals = geometry.condyle.vertex_normals()[ways]
    ends = geometry.condyle.points_mm[ways] + geometry.joint_space_mm[ways, None] * normals
    away, way = PointTree(ends).query(bone.points_mm, within_mm=MET_MM)
    met = np.isfinite(away)
    against = np.einsum("vi,vi->v", bone.vertex_normals()[met], normals[way[met]])
    met[met] = against < 0
    return np.asarray(met)


def _enclosed(mask: Mask, axis: int) -> Mask:
    """What the mask encloses in the slices across an axis."""
    beside = ndimage.generate_binary_structure(3, 1)
    beside[tuple(slice(None) if a == axis else 1 for a in range(3))] = False
    beside[1, 1, 1] = True
    pieces, count = ndimage.label(~mask, beside)
    open_ = np.zeros(count + 1, dtype=np.bool_)
    open_[0] = True
    for across in {0, 1, 2} - {axis}:
        for end in (0, -1):
            open_[np.take(pieces, end, axis=across)] = True
    return np.asarray(~open_[pieces])


def _ball(radius: float) -> Mask:
    reach = int(radius)
    offsets = np.indices((2 * reach + 1,) * 3) - reach
    return np.asarray((offsets**2).sum(axis=0) <= radius**2)
