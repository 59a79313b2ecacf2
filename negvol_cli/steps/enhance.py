"""Thin-roof enhancement (step C of the paper): closes holes in a thin roof of the fossa.

Above the condyle the temporal bone can be thinner than a voxel. There the network's probability
drops below one half, but it still has a crest along the bone, and so has the CT. The paper gates
the CT's Canny edges with the probability; an edge, however, also runs along both faces of thick
bone and thickens it. Here bone is added only where both the CT and the probability form a bright
sheet (a strongly negative second derivative across it) that is connected to certain bone
(hysteresis) but has none on either side, so that thick bone stays as it is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from negvol_cli.geometry.grid import Vector
from negvol_cli.geometry.joint_frame import FRAME_CENTRE
from negvol_cli.geometry.near import squared_away
from negvol_cli.steps.air_cells import FROM_CONDYLE_MM, about_the_fossa, cells_above
from negvol_cli.steps.joint_images import Floats, Mask

CERTAIN: Final = 0.5
"""Where the network's probability counts as bone."""

POSSIBLE: Final = 0.2
"""The least probability with a crest along a thin roof; judged with benchmarks/fossa_roof.py."""

ADDED: Final = 0.6
"""What is added counts as bone, but only just: above ``CERTAIN``, below what the network is sure
of."""

SCALE_MM: Final = 0.6
"""About the thickness of a thin fossa roof (0.5 to 0.9 mm), at which a sheet's crest is
sharpest."""

CREST_PER_MM2: Final = 0.04
"""Sharpness of a sheet in the probability; judged with benchmarks/fossa_roof.py."""

CREST_HU_PER_MM2: Final = 30.0
"""Sharpness of a sheet in the CT; judged with benchmarks/fossa_roof.py."""

FULL: Final = np.ones((3, 3, 3), dtype=bool)


def enhance_fossa(
    hu_zyx: Floats,
    bone_p: Floats,
    condyle_p: Floats,
    spacing_mm: float,
    head_mm: Vector = FRAME_CENTRE,
) -> Floats:
    """Fill in thin bone, and air cells, above the condyle in the temporal-bone probability.

    Only the fossa is changed: within 8 mm of the condyle, up to 16 mm beside the centre of its
    head, and from 6 mm below that to 18 mm above.

    Parameters
    ----------
    hu_zyx
        The CT in the joint frame, [z, y, x] in frame order.
    bone_p, condyle_p
        Probabilities over the same voxels.
    spacing_mm
        The frame's isotropic spacing.
    head_mm
        The centre of the condylar head, frame mm.
    """
    part = about_the_fossa(bone_p.shape, spacing_mm, head_mm)
    cells = cells_above(hu_zyx, bone_p > CERTAIN, condyle_p > CERTAIN, spacing_mm, part)
    bone_p = bone_p.copy()
    bone_p[part][cells] = ADDED
    hu, bone, condyle = hu_zyx[part], bone_p[part], condyle_p[part]
    certain = bone > CERTAIN
    reach = FROM_CONDYLE_MM / spacing_mm
    near = squared_away(condyle >= CERTAIN, reach) < reach * reach
    possible = near & (bone > POSSIBLE) & (condyle < POSSIBLE) & ~certain
    crest, across = _crest(bone, possible, spacing_mm)
    bright, _ = _crest(hu, possible, spacing_mm)
    sheet = np.zeros_like(possible)
    sheet[possible] = (crest > CREST_PER_MM2) & (bright > CREST_HU_PER_MM2)
    sheet &= ~_beside(certain, sheet, across[sheet[possible]])
    connected = ndimage.binary_propagation(certain, mask=certain | sheet, structure=FULL)
    enhanced = bone_p.copy()
    enhanced[part][connected & ~certain] = ADDED
    return enhanced


def _crest(values: Floats, where: Mask, spacing_mm: float) -> tuple[Floats, Floats]:
    """How sharp a crest each of the N voxels of ``where`` lies on, and the direction across it.

    The sharpness (N,) is minus the most negative second derivative in any direction, per mm², at
    ``SCALE_MM``; the direction (N, 3) is a unit vector in array order.
    """
    hessian = np.empty((np.count_nonzero(where), 3, 3), dtype=np.float32)
    sigma = SCALE_MM / spacing_mm
    for i in range(3):
        for j in range(i, 3):
            order = [(k == i) + (k == j) for k in range(3)]
            second = ndimage.gaussian_filter(values, sigma, order=order, mode="nearest")
            hessian[:, i, j] = hessian[:, j, i] = second[where] / spacing_mm**2
    size, direction = np.linalg.eigh(hessian)
    return -size[:, 0], direction[:, :, 0]


def _beside(certain: Mask, sheet: Mask, across: Floats) -> Mask:
    """Voxels of ``sheet`` with certain bone up to three voxels away across it: its faces.

    ``across`` (N, 3) holds a unit vector in array order for each voxel of ``sheet``.
    """
    index = np.argwhere(sheet)
    found = np.zeros(len(index), dtype=bool)
    for steps in (-3, -2, -1, 1, 2, 3):
        at = np.rint(index + steps * across).astype(int)
        at = np.clip(at, 0, np.array(certain.shape) - 1)
        found |= certain[tuple(at.T)]
    beside = np.zeros_like(sheet)
    beside[tuple(index.T)] = found
    return beside
