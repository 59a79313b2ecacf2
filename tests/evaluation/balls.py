"""A joint whose condyle is a ball, in CT and labels, and references that are balls elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.process_axis import Axis
from negvol_cli.structures import Label, Side

RADIUS_MM = 7.0
CENTRES = {Side.RIGHT: (-50.5, 20.5, 30.5), Side.LEFT: (52.5, 22.5, 31.5)}
HEAD = Grid((160, 90, 90), (1.0, 1.0, 1.0), (-80.0, -25.0, -15.0))
"""Voxels that hold both joints, and are those of their frames."""


def ball(grid: Grid, centre_mm, radius_mm: float = RADIUS_MM) -> np.ndarray:
    """A mask [z, y, x] over an upright grid."""
    at = [
        origin + step * np.arange(size) - centre
        for origin, step, size, centre in zip(
            grid.origin_mm_xyz, grid.spacing_mm_xyz, grid.size_xyz, centre_mm, strict=True
        )
    ]
    x, y, z = at
    return z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius_mm**2


def view(side: Side, *, ct: bool = True) -> JointView:
    """A joint as measured: the condyle a ball, the bone a slab 10 mm above its centre."""
    frame = JointFrame(side, CENTRES[side], spacing_mm=1.0, size=64)
    labels = np.zeros((64, 64, 64), dtype=np.uint8)
    labels[slab(frame.local_grid, 10.0)] = Label.TEMPORAL_BONE
    labels[ball(frame.local_grid, (0, 0, 0), 9.0)] = Label.NEGATIVE_VOLUME
    labels[ball(frame.local_grid, (0, 0, 0))] = Label.CONDYLE
    bone = (labels == Label.CONDYLE) | (labels == Label.TEMPORAL_BONE)
    hu = np.where(bone & ct, 900, -1000 if not ct else 50).astype(np.float32)
    geometry = JointGeometry(
        frame=frame,
        condyle=Mesh.empty(),
        temporal_bone=Mesh.empty(),
        inflated=Mesh.empty(),
        joint_space_mm=np.zeros(0),
        of_head=np.zeros(0, dtype=np.bool_),
        labels_zyx=labels,
        axis=Axis((0.0, 0.0, 1.0), (0.0, 0.0, 0.0)),
        apex_mm=(0.0, 0.0, RADIUS_MM),
        head_centre_mm=(0.0, 0.0, 0.0),
        head_volume_mm3=1436.8,
        nv_mm3=1000.0,
        nv_voxel_mm3=1000.0,
        articular_nv_mm3=100.0,
        joint_space=JointSpace(
            narrowest=3, superior=3, anterior=3, posterior=3, medial=3, lateral=3
        ),
        watertight=True,
    )
    return JointView(geometry, hu)


def slab(grid: Grid, from_mm: float) -> np.ndarray:
    """The voxels of a grid from a height up."""
    z = grid.origin_mm_xyz[2] + grid.spacing_mm_xyz[2] * np.arange(grid.size_xyz[2])
    return np.broadcast_to((z >= from_mm)[:, None, None], grid.shape_zyx)


def one_joint(side: Side, *, off_mm=(0.0, 0.0, 0.0), size_mm: int = 60) -> Volume:
    """Labels 1 and 2 about one joint, in voxels of half a millimetre."""
    x, y, z = np.add(CENTRES[side], off_mm)
    half = (size_mm - 0.5) / 2
    corner = np.subtract(CENTRES[side], half)
    grid = Grid((2 * size_mm,) * 3, (0.5,) * 3, tuple(corner.tolist()))
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    labels[slab(grid, z + 10.0)] = 2
    labels[ball(grid, (x, y, z))] = 1
    return Volume(labels, grid)


def both_joints() -> Volume:
    """The six labels of both joints over the voxels of the head."""
    labels = np.zeros(HEAD.shape_zyx, dtype=np.uint8)
    left = np.arange(HEAD.size_xyz[0]) + HEAD.origin_mm_xyz[0] > 0
    for side, of_side, shift in ((Side.RIGHT, ~left, 0), (Side.LEFT, left, 3)):
        height = CENTRES[side][2]
        labels[slab(HEAD, height + 10.0) & of_side] = 2 + shift
        labels[ball(HEAD, CENTRES[side], 9.0)] = 3 + shift
        labels[ball(HEAD, CENTRES[side])] = 1 + shift
    return Volume(labels, HEAD)


def written(volume: Volume, path: Path) -> Path:
    sitk.WriteImage(to_sitk(volume), str(path))
    return path
