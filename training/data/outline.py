"""A phantom's bones as a reader of its CT would outline them, not as they are."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.structures import Label

OUTLINE_HU: Final = 250.0
BEYOND_MM: Final = 1.0
DEEP_MM: Final = 1.0
APART_MM: Final = 0.5


def outlined(
    labels_zyx: npt.NDArray[np.uint8], hu_zyx: npt.NDArray[np.floating], spacing_mm: float
) -> npt.NDArray[np.uint8]:
    """Exact labels of one joint [z, y, x] redrawn at 250 HU in its CT, the voxels' side in mm.

    The reference labels of real scans end at such a level: blur puts that surface up to a
    millimetre outside the edge of cortical bone. Brighter voxels within that millimetre join the
    nearer bone; where both bones are as near, to half a millimetre, the joint space stays open.
    Marrow of the temporal bone below 250 HU and over a millimetre deep is left out, thin bone
    is kept however dim, and the condyle stays solid.
    """
    condyle, bone = (labels_zyx == label for label in (Label.CONDYLE, Label.TEMPORAL_BONE))
    to_condyle, to_bone = (
        ndimage.distance_transform_edt(~mask) * spacing_mm if mask.any() else np.inf
        for mask in (condyle, bone)
    )
    bright = (hu_zyx >= OUTLINE_HU) & (labels_zyx == 0)
    drawn = labels_zyx.copy()
    apart = np.subtract(to_bone, to_condyle)
    drawn[bright & (to_condyle <= BEYOND_MM) & (apart >= APART_MM)] = Label.CONDYLE
    drawn[bright & (to_bone <= BEYOND_MM) & (apart <= -APART_MM)] = Label.TEMPORAL_BONE
    depth = ndimage.distance_transform_edt(bone) * spacing_mm
    drawn[(depth > DEEP_MM) & (hu_zyx < OUTLINE_HU)] = 0
    return drawn
