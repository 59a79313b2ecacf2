"""Where the bones end: at 315 HU, as close to the network's edge as that is.

A network learns from scans whose greys were varied, so that it finds bones in any scan; where a
bone ends is then good to a fraction of a millimetre, and off to the same side all around. Over a
condyle's surface a third of a millimetre is 5 % of NV. The CT itself knows better: the reference
labels end where it has 315 HU (``benchmarks/reference_edges.py``), so the edges are moved there,
by a millimetre at most. Where condyle and fossa are closer than their blur, the valley of greys
between them is found by a watershed from the parts that are certain.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.segmentation import watershed

EDGE_HU: Final = 315.0
MOVED_MM: Final = 1.0
CONTESTED_MM: Final = 2.5
JOINT_MM: Final = 20.0
SMOOTHED_MM: Final = 0.25
"""Of the greys, against noise: the standard deviation of a blur far below any scanner's own."""
HU_OF_CERTAINTY: Final = 1000.0
"""HU from the edge to a probability of 0 or 1: beyond the greys on either side of any edge."""
LESS_THAN_HALF, MORE_THAN_HALF = np.float32(0.499), np.float32(0.501)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def end_at_edges(
    hu_zyx: Floats, condyle_p: Floats, bone_p: Floats, kept: Mask, spacing_mm: float
) -> tuple[Floats, Floats]:
    """Both probabilities with their level of one half moved to 315 HU, by up to 1 mm.

    All arrays are (z, y, x) over one joint frame. Voxels of ``kept`` stay temporal bone however
    dim they are: thin bone that the scanner blurs below 315 HU. Dim voxels inside bone stay bone
    where no dim way leads out within that millimetre, so marrow and the condyle's inside do.
    """
    hu = ndimage.gaussian_filter(hu_zyx, SMOOTHED_MM / spacing_mm)
    condyle, bone = condyle_p >= 0.5, bone_p >= 0.5
    both, dim = condyle | bone, hu < EDGE_HU
    shallow = (condyle & _near(~condyle, MOVED_MM, spacing_mm)) | (
        bone & _near(~bone, MOVED_MM, spacing_mm)
    )
    losable = shallow & dim & ~kept
    outside = ~both & dim
    lost = ndimage.binary_propagation(outside, mask=outside | losable) & losable
    won = ~both & ~dim & _near(both, MOVED_MM, spacing_mm)
    given = np.where(condyle, 1, np.where(bone, 2, 0)).astype(np.int8)
    given[lost] = 0
    certain = np.where(_contested(condyle, bone, spacing_mm), 0, given)
    owner = watershed(-hu, certain, mask=(given > 0) | won)  # type: ignore[no-untyped-call]
    owner = np.where(owner == 0, given, owner)  # pieces that no certain part reaches
    ct_p = np.clip(0.5 + (hu - EDGE_HU) / (2 * HU_OF_CERTAINTY), 0, 1).astype(np.float32)
    return (
        _ended(condyle_p, owner == 1, owner > 0, ct_p, spacing_mm),
        _ended(bone_p, owner == 2, owner > 0, ct_p, spacing_mm),
    )


def _contested(condyle: Mask, bone: Mask, spacing_mm: float) -> Mask:
    """Where both bones are within 2.5 mm, up to 20 mm from the frame's middle along each axis."""
    reach = round(JOINT_MM / spacing_mm)
    part = tuple(slice(max(0, n // 2 - reach), n // 2 + reach) for n in condyle.shape)
    contested = np.zeros(condyle.shape, dtype=bool)
    contested[part] = _near(condyle[part], CONTESTED_MM, spacing_mm) & _near(
        bone[part], CONTESTED_MM, spacing_mm
    )
    return contested


def _ended(p: Floats, own: Mask, any_bone: Mask, ct_p: Floats, spacing_mm: float) -> Floats:
    """``p`` above one half in ``own`` and less elsewhere, the CT's own about its surface.

    Where the bones touch, the other bone's voxels count as far below one half as they are above
    it, so that both surfaces lie between the two.
    """
    rim = own & _near(~own, MOVED_MM, spacing_mm)
    fringe = ~own & _near(own, MOVED_MM, spacing_mm)
    inside = np.maximum(np.where(rim & (ct_p > 0.5), ct_p, p), MORE_THAN_HALF)
    below = np.where(any_bone, 1.0 - ct_p, ct_p)
    outside = np.minimum(np.where(fringe, below, p), LESS_THAN_HALF)
    return np.where(own, inside, outside).astype(np.float32)


def _near(mask: Mask, reach_mm: float, spacing_mm: float) -> Mask:
    """Voxels whose centre is within ``reach_mm`` of one of ``mask``."""
    reach = int(reach_mm / spacing_mm)
    offsets = np.indices((2 * reach + 1,) * mask.ndim) - reach
    ball = np.linalg.norm(offsets, axis=0) * spacing_mm <= reach_mm
    return np.asarray(ndimage.binary_dilation(mask, ball))
