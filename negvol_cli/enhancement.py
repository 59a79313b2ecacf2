"""Step C: the fossa heat map, so that a thin roof of the fossa has no holes.

The paper gates the CT's Canny edges with the network's temporal-bone probability. The network
is least sure of bone thinner than a voxel; there the CT still shows an edge, and an edge that
hangs together with certain bone is bone.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Floats = npt.NDArray[np.float32]

CERTAIN: Final = 0.5
POSSIBLE: Final = 0.25
EDGE_VARIANCE_MM2: Final = 0.4
EDGE_LOWER_HU: Final = 40.0
EDGE_UPPER_HU: Final = 120.0
CLOSING_VOXELS: Final = 2
ADDED: Final = 0.6


def enhance_fossa(
    hu_zyx: Floats, bone_p: Floats, condyle_p: Floats, spacing_mm: float
) -> Floats:
    """The temporal-bone probability with thin bone filled in; all (z, y, x) over one frame.

    Voxels that are possible bone (probability over 0.25), lie on an edge of the CT and hang
    together with certain bone are added (hysteresis), then gaps of up to two voxels between
    them are closed, but never into the condyle.
    """
    edges = _edges(hu_zyx, spacing_mm)
    certain = bone_p > CERTAIN
    possible = (bone_p > POSSIBLE) & (condyle_p < POSSIBLE)
    connected = sitk.BinaryReconstructionByDilation(
        _binary(certain), _binary(certain | (possible & edges)), 1, 0, True
    )
    closed = sitk.BinaryMorphologicalClosing(
        connected, [CLOSING_VOXELS] * 3, sitk.sitkBall, 1, True
    )
    filled = sitk.GetArrayViewFromImage(closed).astype(bool) & possible
    return np.where(filled & ~certain, np.float32(ADDED), bone_p)


def _edges(hu_zyx: Floats, spacing_mm: float) -> npt.NDArray[np.bool_]:
    """Canny edges of the CT, one voxel thicker, so that both faces of thin bone are covered."""
    image = sitk.GetImageFromArray(np.clip(hu_zyx, -200, 1500))
    image.SetSpacing([spacing_mm] * 3)
    edges = sitk.CannyEdgeDetection(
        image, EDGE_LOWER_HU, EDGE_UPPER_HU, [EDGE_VARIANCE_MM2] * 3, [0.05] * 3
    )
    thick = sitk.BinaryDilate(sitk.Cast(edges, sitk.sitkUInt8), [1] * 3, sitk.sitkBall)
    return np.asarray(sitk.GetArrayFromImage(thick).astype(bool))


def _binary(mask: npt.NDArray[np.bool_]) -> sitk.Image:
    return sitk.GetImageFromArray(mask.astype(np.uint8))
