"""The images of one joint on their way through the steps, from the crop to the self-checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

STEPS: Final = 255
"""Steps of a probability that is measured: of a surface 0.008 mm, a tenth of the finest edge's
uncertainty. A result keeps them in a byte, so that measuring it again gives the very same."""


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
    head_mm
        Where in the frame the condylar head lies, mm: about it edges and the fossa's roof are
        looked for.
    """

    frame: JointFrame
    hu_zyx: Floats
    condyle_p: Floats
    bone_p: Floats
    recorded_zyx: Mask
    head_mm: Vector = FRAME_CENTRE

    def __post_init__(self) -> None:
        shape = self.frame.local_grid.shape_zyx
        for name in ("hu_zyx", "condyle_p", "bone_p", "recorded_zyx"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} {getattr(self, name).shape} does not fit {shape}")

    def in_steps(self) -> JointImages:
        """The same with probabilities rounded to ``STEPS``, as a file can keep them."""
        condyle, bone = (from_steps(to_steps(p)) for p in (self.condyle_p, self.bone_p))
        return replace(self, condyle_p=condyle, bone_p=bone)


def to_steps(p_zyx: Floats) -> npt.NDArray[np.uint8]:
    """Probabilities as steps in a byte."""
    return np.rint(np.clip(p_zyx, 0.0, 1.0) * STEPS).astype(np.uint8)


def from_steps(steps: npt.NDArray[np.uint8]) -> Floats:
    """Steps as probabilities."""
    return np.asarray(steps, dtype=np.float32) / np.float32(STEPS)
