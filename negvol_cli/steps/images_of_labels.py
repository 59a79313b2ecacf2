"""The images of a joint of which only a segmentation is known."""

from __future__ import annotations

import numpy as np

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.resample import resample
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.recentre import frame_of_labels
from negvol_cli.structures import AIR_HU, Label, Side


def images_of_labels(volume: Volume, side: Side) -> JointImages:
    """One side's labels (``Label`` values) over the frame about its condyle; no CT."""
    frame = frame_of_labels(volume, side)
    masks = [
        Volume((volume.values_zyx == label).astype(np.float32), volume.grid)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
    ]
    condyle, bone = (
        smooth_labels(frame.mirror(resample(mask, frame.grid, fill=0.0)), frame.spacing_mm)
        for mask in masks
    )
    hu = np.full(condyle.shape, AIR_HU, dtype=np.float32)
    return JointImages(frame, hu, condyle, bone, np.ones(condyle.shape, dtype=bool))
