"""What is shown of one measured joint: its geometry and the CT it was measured in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Side


@dataclass(frozen=True, slots=True, eq=False)
class JointView:
    """The geometry of one joint with the CT behind it.

    ``hu_zyx`` is the CT sampled in the joint frame, float32 [z, y, x] in HU, in frame order (the
    right joint mirrored), over the voxels of ``geometry.frame.local_grid``. A joint measured
    from labels alone has no CT: there it is air (-1000) throughout. ``reference_zyx`` is somebody
    else's segmentation of the joint, if there is one: ``Label`` values over the same voxels.
    """

    geometry: JointGeometry
    hu_zyx: npt.NDArray[np.float32]
    reference_zyx: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        shape = self.geometry.frame.local_grid.shape_zyx
        if self.hu_zyx.shape != shape:
            raise ValueError(f"CT {self.hu_zyx.shape} does not fit the joint frame {shape}")
        if self.reference_zyx is not None and self.reference_zyx.shape != shape:
            raise ValueError(
                f"reference {self.reference_zyx.shape} does not fit the joint frame {shape}"
            )

    @property
    def side(self) -> Side:
        """The side of the patient that is shown."""
        return self.geometry.frame.side
