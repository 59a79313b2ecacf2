"""Reference labels of real joints, brought to where the product says that bones end."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from negvol_cli.geometry.grid import Volume, vector
from negvol_cli.io.image import read_image, read_scan
from negvol_cli.structures import Side
from training.data.edges import with_refined_edges
from training.data.joints import JointSample


def reference_labels(head: Path, side: Side) -> Volume:
    """The labels of one joint in a head's folder, both bones ended by the product's edge step.

    They were drawn at about 250 HU, some 0.6 mm outside the bone: as they are they would judge
    the level, not the edge.
    """
    drawn = read_image(head / f"{side}.nii.gz").volume
    middle = vector(drawn.grid.to_world((np.array(drawn.grid.size_xyz) - 1) / 2))
    ct = read_scan(head / "ct.nii.gz").volume
    return with_refined_edges(JointSample(head.name, side, middle, ct, drawn)).labels
