"""The images of one joint on their way through the steps, from the crop to the self-checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.joint_frame import JointFrame

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class JointImages:
    """The CT of one joint and the probabilities of its bones, on the frame they are measured in.

    All arrays are [z, y, x] on ``frame``, in frame order (the right joint mirrored).

    Attributes
    ----------
    hu_zyx
        The CT in HU; air beyond the scan.
    condyle_p, bone_p
        Probabilities, 0 to 1, of the condyle and of the temporal bone; no voxel is both.
    recorded_zyx
        False where the scan has no data or no network saw it.
    """

    frame: JointFrame
    hu_zyx: Floats
    condyle_p: Floats
    bone_p: Floats
    recorded_zyx: Mask

    def __post_init__(self) -> None:
        shape = self.frame.local_grid.shape_zyx
        for name in ("hu_zyx", "condyle_p", "bone_p", "recorded_zyx"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} {getattr(self, name).shape} does not fit {shape}")
