"""The labels of both joints on the scan's own grid, or on that of one of its slices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.resample import crop_to, resample_nearest
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Label, Side, scan_label


def labels_on_scan(views: Mapping[Side, JointView], grid: Grid) -> Volume:
    """Return the six-label map on ``grid``, uint8 [z, y, x].

    A voxel has the label of the frame's voxel that is nearest to its centre.
    """
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    for side, view in views.items():
        geometry = view.geometry
        frame = geometry.frame
        part = crop_to(Volume(labels, grid), frame.grid, margin=0)
        if part is None:
            continue
        world = Volume(np.ascontiguousarray(frame.mirror(geometry.labels_zyx)), frame.grid)
        nearest = resample_nearest(world, part.grid)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE, Label.NEGATIVE_VOLUME):
            part.values_zyx[nearest == label] = scan_label(side, label)
    return Volume(labels, grid)
