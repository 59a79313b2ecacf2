"""At how many HU the reference labels of real joints end.

    python -m benchmarks.reference_edges DATA

DATA holds ``tmj/<head>`` as for training. Of the voxels within a millimetre of a bone's surface,
within 20 mm of the joint's centre and over 2.5 mm from the other bone, a share lies inside the
label; the edge is the HU that as large a share of them reaches, greys smoothed as ``run`` does it.
No network takes part.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from negvol_cli.steps.refine_edges import CONTESTED_MM, JOINT_MM, MOVED_MM, SMOOTHED_MM
from negvol_cli.structures import Label
from training.data.dataset import folder_dataset
from training.data.joints import JointSample, load_joints

FRAME_MM, FRAME_SIZE = 0.5, 144  # as the reference labels are
BONES = {"condyle": Label.CONDYLE, "temporal bone": Label.TEMPORAL_BONE}


def edge_hu(joint: JointSample, bone: Label) -> float:
    """The HU at which the label of one bone ends in one joint."""
    frame = joint.frame(FRAME_MM, FRAME_SIZE)
    other_bone = Label.TEMPORAL_BONE if bone is Label.CONDYLE else Label.CONDYLE
    own, other = joint.mask(frame, bone), joint.mask(frame, other_bone)
    inside = own > 0.5
    hu = gaussian_filter(joint.hu(frame), SMOOTHED_MM / frame.spacing_mm)
    surface = sum(distance_transform_edt(m, frame.spacing_mm) for m in (inside, ~inside))
    alone = distance_transform_edt(other <= 0.5, frame.spacing_mm) > CONTESTED_MM
    z, y, x = np.indices(hu.shape)
    points = frame.local_grid.to_world(np.stack([x, y, z], axis=-1))
    near = np.linalg.norm(points, axis=-1) <= JOINT_MM
    band = (surface <= MOVED_MM) & alone & near & joint.known(frame)
    return float(np.quantile(hu[band], 1.0 - inside[band].mean()))


def main() -> None:
    """Print the table and its medians."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("| joint | " + " | ".join(f"{name}, HU" for name in BONES) + " |\n|---|---|---|")
    rows = []
    for joint in load_joints(folder_dataset(Path(sys.argv[1]))):
        rows.append([edge_hu(joint, bone) for bone in BONES.values()])
        cells = " | ".join(f"{hu:.0f}" for hu in rows[-1])
        print(f"| {joint.head} {joint.side} | {cells} |", flush=True)
    print("| median | " + " | ".join(f"{hu:.0f}" for hu in np.median(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
