"""One joint, from probabilities to figures: reconstruct, inflate, clip, measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.mesh import Mesh
from negvol_cli.preprocess import JointFrame
from negvol_cli.report import JointSpace
from negvol_cli.volume import Vector


@dataclass(frozen=True, slots=True, eq=False)
class JointGeometry:
    """What was measured in one joint frame; meshes and points in frame mm.

    ``joint_space_mm`` (V,) belongs to the vertices of ``condyle``: the distance along the normal
    to the temporal bone, NaN where the normal ends elsewhere. ``labels_zyx`` holds ``Label``
    values over the frame, in frame order (the right joint mirrored).
    """

    frame: JointFrame
    condyle: Mesh
    temporal_bone: Mesh
    inflated: Mesh
    joint_space_mm: npt.NDArray[np.float64]
    labels_zyx: npt.NDArray[np.uint8]
    apex_mm: Vector
    head_centre_mm: Vector
    head_volume_mm3: float
    nv_mm3: float
    nv_voxel_mm3: float
    articular_nv_mm3: float
    joint_space: JointSpace
    watertight: bool
    flags: tuple[str, ...] = ()
