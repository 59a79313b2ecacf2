"""Checks of a measured joint against the CT and the networks: intensities, agreement, certainty."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.geometry.grid import Points, crop
from negvol_cli.geometry.near import squared_away, within
from negvol_cli.mesh.distance import Field
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.steps.check_shape import NEAR_MM, Finding, met_bone
from negvol_cli.steps.joint_images import Floats, JointImages, Mask
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label

TISSUE_MM: Final = 20.0
"""Of the head centre: past the measurement sphere, where muscle is."""
FROM_BONE_MM: Final = 2.0
"""Past the blur of any scanner that resolves the joint."""
TISSUE_HU: Final = (-200.0, 400.0)
"""From fat to muscle in a scanner that is 350 HU high; air and bone lie beyond."""
RIM_WITHIN_MM: Final = 12.0
"""Of the head centre: how much of a bone's surface is looked behind."""
BIN_HU: Final = 10.0
SMOOTH_BINS: Final = 2.0
"""The level is wanted to within some 20 HU: its limits are 120 HU apart (``limits.TISSUE``)."""
ABOVE_FAT_HU: Final = (90.0, 180.0)
MUSCLE_SHARE: Final = 0.4
"""Muscle lies 110 to 160 HU above fat, and is at least so common beside the joint of a fat person,
as a share of fat."""
RIM_MM: Final = 1.5
"""A leak of the benchmark is 10 mm wide, a wrong roof over 2 mm thick; cortex lies within 1 mm."""
RIM_STEP_MM: Final = 0.25
"""Half a voxel of the joint frame."""
CELL_BEHIND_MM: Final = 1.0
"""A roof of 0.3 to 0.9 mm, under which no bone was seen, and the cell above it lie within it."""
CELL_SHARE: Final = 0.3
"""Of the step from soft tissue down to air: fat is a tenth of it, noise of a cone beam a fifth."""
STRAY_MM: Final = 1.0
"""Of a good condyle's surface at most 3 % is farther off (``benchmarks/spoilt_joints.py``)."""
FARTHEST_ASTRAY_MM: Final = 5.0
"""How far around the surface the networks' is looked for; farther off is as astray as this."""


def tissue_level(images: JointImages, geometry: JointGeometry) -> float | None:
    """Return the commonest intensity of soft tissue other than fat, HU, near the condylar head.

    Within 20 mm of its centre, without bone and air. Where fat is commoner than muscle there are
    two peaks, and the upper is muscle's. None where too little was recorded.
    """
    grid = geometry.frame.local_grid
    centre = geometry.head_centre_mm
    hu, part = crop(images.hu_zyx, grid, centre, TISSUE_MM)
    labels, _ = crop(geometry.labels_zyx, grid, centre, TISSUE_MM)
    recorded, _ = crop(images.recorded_zyx, grid, centre, TISSUE_MM)
    bone = (labels == Label.CONDYLE) | (labels == Label.TEMPORAL_BONE)
    away = ~within(bone, FROM_BONE_MM / geometry.frame.spacing_mm)
    low, high = TISSUE_HU
    counts, edges = np.histogram(hu[away & recorded], bins=np.arange(low, high + BIN_HU, BIN_HU))
    if counts.sum() * part.voxel_mm3 < 200.0:
        return None
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), SMOOTH_BINS)
    commonest = int(np.argmax(smooth))
    peak = (smooth == ndimage.maximum_filter1d(smooth, 3)) & (smooth > MUSCLE_SHARE * smooth.max())
    above = BIN_HU * (np.arange(len(smooth)) - commonest)
    muscle = np.flatnonzero(peak & (above > ABOVE_FAT_HU[0]) & (above < ABOVE_FAT_HU[1]))
    level = int(muscle[np.argmax(smooth[muscle])]) if len(muscle) else commonest
    return float(edges[level] + BIN_HU / 2)


def near_head(geometry: JointGeometry, mesh: Mesh) -> Mask:
    """Which vertices (V,) of a bone lie within 12 mm of the head centre."""
    away = np.linalg.norm(mesh.points_mm - geometry.head_centre_mm, axis=1)
    return np.asarray(away <= RIM_WITHIN_MM)


def faced_bone(geometry: JointGeometry) -> Mask:
    """Which vertices (V,) of the temporal bone the condyle faces, within 12 mm of its head."""
    return near_head(geometry, geometry.temporal_bone) & met_bone(geometry)


def dim_share(
    hu_zyx: Floats,
    geometry: JointGeometry,
    mesh: Mesh,
    near: Mask,
    levels_hu: tuple[float, float],
) -> Finding:
    """Return the share, 0 to 1, of the vertices ``near`` (V,) without a bright rim behind them.

    A rim is bright where the CT reaches the upper of ``levels_hu`` within 1.5 mm inward along the
    normal. Where it falls below the lower one within 1 mm, there is an air cell: the wall before it
    is too thin for the scanner to show, for soft tissue and air do not meet.
    """
    if not near.any():
        return Finding(0.0)
    along = -np.arange(0.0, RIM_MM + RIM_STEP_MM / 2, RIM_STEP_MM)
    _, hu = along_normals(hu_zyx, geometry, mesh, near, along)
    cell_hu, bright_hu = levels_hu
    cell = hu[:, along >= -CELL_BEHIND_MM].min(axis=1) < cell_hu
    return Finding.share((hu.max(axis=1) < bright_hu) & ~cell, mesh.points_mm[near])


def cell_level(tissue_hu: float, air_hu: float) -> float:
    """What is darker, in HU, is an air cell through the blur; ``CELL_SHARE``."""
    return tissue_hu - CELL_SHARE * (tissue_hu - air_hu)


def along_normals(
    hu_zyx: Floats,
    geometry: JointGeometry,
    mesh: Mesh,
    vertices: Mask | npt.NDArray[np.intp],
    along_mm: npt.NDArray[np.float64],
) -> tuple[Points, Floats]:
    """The points (V, T, 3) at ``along_mm`` (T,) on a mesh's normals, and their HU (V, T).

    ``vertices`` chooses V of the mesh's; outwards is positive.
    """
    start, normals = mesh.points_mm[vertices], mesh.vertex_normals()[vertices]
    points: Points = start[:, None, :] + normals[:, None, :] * along_mm[:, None]
    index = geometry.frame.local_grid.to_index(points.reshape(-1, 3)).T[::-1]
    hu = ndimage.map_coordinates(hu_zyx, index, order=1, mode="nearest")
    return points, hu.reshape(points.shape[:2])


def stray_share(
    network_p: Floats, mesh: Mesh, near: Mask, geometry: JointGeometry, blur_mm: float = 0.0
) -> Finding:
    """The share, 0 to 1, of the vertices ``near`` (V,) that are not where the network put them.

    A network ends bones where its references did, at some grey, which is the same way off all
    around: what is farther out or in than the median by more than 1 mm, and by more than
    ``blur_mm``, the standard deviation of the scanner's blur along its widest axis, is astray.
    """
    if not near.any() or not (network_p >= 0.5).any():
        return Finding(1.0)
    centre, reach = geometry.head_centre_mm, RIM_WITHIN_MM + FARTHEST_ASTRAY_MM
    own, part = crop(network_p >= 0.5, geometry.frame.local_grid, centre, reach)
    spacing = geometry.frame.spacing_mm
    outside, inside = (
        np.sqrt(squared_away(mask, FARTHEST_ASTRAY_MM / spacing), dtype=np.float32)
        for mask in (own, ~own)
    )
    points = mesh.points_mm[near]
    moved = spacing * Field(outside - inside, part)(points)
    stray = np.abs(moved - np.median(moved)) > max(STRAY_MM, blur_mm)
    return Finding.share(stray, points)


def entropy_bits(images: JointImages, geometry: JointGeometry) -> Finding:
    """Return the mean entropy of the networks' three classes near the condylar head.

    In bits per voxel, within 15 mm of its centre.
    """
    grid, centre = geometry.frame.local_grid, geometry.head_centre_mm
    condyle, part = crop(images.condyle_p, grid, centre, NEAR_MM)
    bone, _ = crop(images.bone_p, grid, centre, NEAR_MM)
    near = _within(part.to_world(_indices(condyle.shape)), centre, NEAR_MM)
    p = np.stack([condyle, bone, np.clip(1 - condyle - bone, 0, 1)])
    entropy = -(p * np.log2(np.maximum(p, 1e-6))).sum(axis=0)
    return Finding(float(entropy[near].mean()))


def _indices(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    return np.moveaxis(np.indices(shape)[::-1], 0, -1)


def _within(points: Points, centre: tuple[float, ...], radius: float) -> npt.NDArray[np.bool_]:
    return np.asarray(np.linalg.norm(points - np.asarray(centre), axis=-1) <= radius)
