"""Centring of the joint frame on the condylar head, once the mandible has been segmented.

The centre of the condylar head comes from the process's own axis, as it does when the joint is
measured, so that a head that lay tilted in the scanner is framed alike.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import resample
from negvol_cli.settings import HeadSettings
from negvol_cli.steps.joint_images import Floats
from negvol_cli.steps.landmarks import condylar_process
from negvol_cli.steps.process_axis import process_axis
from negvol_cli.structures import Label, Side

Mask = npt.NDArray[np.bool_]

UPPER_MM: Final = 15.0
"""The condylar and the coronoid process; below them the mandible would pull the centre forward."""

WIDE_MM: Final = 96
"""A frame at 1 mm that holds both processes of any mandible, wherever the first centre lies."""

WELL_CENTRED_MM: Final = 6.0
"""Frames so far off cost no accuracy (``benchmarks/frame_centre.py``): the segmenter learnt frames
up to 9 mm off along each axis. At 8 mm the temporal bone begins to be cut and Dice to fall."""

FARTHEST_MM: Final = 15.0
"""Farther off than the localiser's error on 182 of 184 joints (12 mm, docs/accuracy.md)."""


def process_centre(condyle_p: Floats, frame: JointFrame) -> Vector | None:
    """Return the centre of the condylar head that was segmented in ``frame``, [z, y, x]; frame mm.

    The localiser sees voxels of 4 mm; the segmenter shows where the condyle really is. None if no
    condylar process was segmented within 15 mm: anything farther off was taken for a condyle by
    mistake.
    """
    grid = frame.local_grid
    piece = _nearest_piece(condyle_p >= 0.5, grid)
    try:
        top = condylar_process(piece, grid)
        centre = process_axis(piece, grid, top, HeadSettings()).through_mm
    except NoCondyleError:
        return None
    return centre if np.linalg.norm(centre) <= FARTHEST_MM else None


def is_well_centred(head_mm: Vector) -> bool:
    """Whether a frame need not be moved to a condylar head at ``head_mm`` in it."""
    return bool(np.linalg.norm(head_mm) <= WELL_CENTRED_MM)


def frame_of_labels(volume: Volume, side: Side) -> JointFrame:
    """Return the frame centred on the condylar head in one side's labels (``Label`` values).

    Raises
    ------
    NoCondyleError
        The mandible's label has no condylar process.
    """
    mandible = volume.values_zyx == Label.CONDYLE
    if not mandible.any():
        raise NoCondyleError(
            f"no voxel of the {side} side is labelled as mandible, so this joint cannot be "
            "measured; check the label map"
        )
    points = volume.grid.to_world(np.argwhere(mandible)[:, ::-1])
    upper = points[points[:, 2] > points[:, 2].max() - UPPER_MM].mean(axis=0)
    wide = JointFrame(side, vector(upper), spacing_mm=1.0, size=WIDE_MM)
    mask = Volume(mandible.astype(np.float32), volume.grid)
    inside = wide.mirror(resample(mask, wide.grid, fill=0.0)) >= 0.5
    return JointFrame(side, vector(wide.to_world(_head_centre(inside, wide.local_grid))))


def _head_centre(mandible: Mask, grid: Grid) -> Vector:
    """The centre of the head on the condylar process of a mandible [z, y, x], mm of ``grid``."""
    top = condylar_process(mandible, grid)
    labels, _ = ndimage.label(mandible)
    i, j, k = (int(n) for n in np.rint(grid.to_index(top)))
    return process_axis(labels == labels[k, j, i], grid, top, HeadSettings()).through_mm


def _nearest_piece(mask: Mask, grid: Grid) -> Mask:
    """The component of ``mask`` [z, y, x] with the most voxels within 15 mm of the origin."""
    labels, count = ndimage.label(mask)
    if count <= 1:
        return mask
    points = grid.to_world(np.argwhere(mask)[:, ::-1])
    near = np.linalg.norm(points, axis=1) <= FARTHEST_MM
    size = np.bincount(labels[mask][near], minlength=count + 1)
    return np.asarray(labels == int(np.argmax(size))) & mask
