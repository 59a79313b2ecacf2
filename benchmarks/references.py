"""Reference labels of real joints, brought to where the product says that bones end.

And where, on a frame or any other grid, they judge.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from negvol_cli.geometry.grid import Grid, Points, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import resample_nearest
from negvol_cli.io.image import read_image, read_scan
from negvol_cli.structures import Label, Side
from training.data.edges import with_refined_edges
from training.data.joints import JointSample
from training.evaluate.held_out import BONE_REACH_MM, CONDYLE_REACH_MM

Mask = npt.NDArray[np.bool_]


def reference_labels(head: Path, side: Side) -> Volume:
    """The labels of one joint in a head's folder, both bones ended by the product's edge step.

    They were drawn at about 250 HU, some 0.6 mm outside the bone: as they are they would judge
    the level, not the edge.
    """
    drawn = read_image(head / f"{side}.nii.gz").volume
    middle = vector(drawn.grid.to_world((np.array(drawn.grid.size_xyz) - 1) / 2))
    ct = read_scan(head / "ct.nii.gz").volume
    return with_refined_edges(JointSample(head.name, side, middle, ct, drawn)).labels


def on_frame(reference: Volume, frame: JointFrame) -> tuple[npt.NDArray[Any], Mask]:
    """Reference labels [z, y, x] on a joint frame, in frame order, and where they are known."""
    everywhere = Volume(np.ones(reference.grid.shape_zyx, np.uint8), reference.grid)
    labels = frame.mirror(resample_nearest(reference, frame.grid))
    return labels, frame.mirror(resample_nearest(everywhere, frame.grid)) > 0


def distance_from(centre_mm: Points, grid: Grid) -> npt.NDArray[np.float64]:
    """[z, y, x]: how far each voxel of a grid lies from a point, mm."""
    z, y, x = np.indices(grid.shape_zyx)
    away = grid.to_world(np.stack([x, y, z], axis=-1)) - centre_mm
    return np.asarray(np.linalg.norm(away, axis=-1))


def judged(labels_zyx: npt.NDArray[Any], grid: Grid, centre_mm: Points) -> dict[Label, Mask]:
    """Where each bone is judged by ``labels_zyx``: about the condyle's centre, and beside it."""
    near = distance_from(centre_mm, grid) <= CONDYLE_REACH_MM
    condyle = (labels_zyx == Label.CONDYLE) & near
    away = distance_transform_edt(~condyle, grid.spacing_mm_xyz[::-1])
    return {Label.CONDYLE: near, Label.TEMPORAL_BONE: away <= BONE_REACH_MM}
