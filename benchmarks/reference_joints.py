"""What negvol measures on the reference labels of real joints, as a markdown table.

    python -m benchmarks.reference_joints DATA

``DATA`` holds a folder per head with ``right.nii.gz`` and ``left.nii.gz``: cubes around the
condyle with 0 background, 1 mandible, 2 temporal bone. No network takes part. Seconds are of one
processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tables import Printed, asked_to_write
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.geometry.resample import resample_nearest
from negvol_cli.io.image import read_image
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.settings import Settings
from negvol_cli.steps.measure import JointGeometry, measure_joint
from negvol_cli.structures import Label, Side

COLUMNS = (
    "joint",
    "head mm³",
    "NV mesh mm³",
    "NV voxels mm³",
    "difference",
    "articular NV mm³",
    "narrowest",
    "superior",
    "anterior",
    "posterior",
    "medial",
    "lateral",
    "s",
)

Labels = npt.NDArray[Any]


def reference_joints(data: Path) -> Iterator[tuple[str, Path, Side]]:
    """Name, file and side of every joint in the folder, in order."""
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        for side in Side:
            path = folder / f"{side}.nii.gz"
            if path.exists():
                yield f"{folder.name} {side}", path, side


def read_joint(path: Path, side: Side) -> tuple[Labels, JointFrame]:
    """The labels [z, y, x] in frame order, and the joint frame in the middle of their cube."""
    return _framed(read_image(path).volume, side)


def measure(path: Path, side: Side) -> tuple[JointGeometry, float]:
    """What negvol finds in one file of labels as they were drawn, and the processor's seconds."""
    volume = read_image(path).volume
    start = time.process_time()
    return measure_labels(volume, side), time.process_time() - start


def measure_labels(volume: Volume, side: Side) -> JointGeometry:
    """What negvol finds in the labels of one joint."""
    labels, frame = _framed(volume, side)
    condyle, bone = (
        smooth_labels(labels == label, frame.spacing_mm)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
    )
    return measure_joint(
        condyle, bone, frame, Settings(), load_backend(), recorded_zyx=None, centre_mm=FRAME_CENTRE
    )


def _framed(volume: Volume, side: Side) -> tuple[Labels, JointFrame]:
    x, y, z = volume.grid.to_world((np.array(volume.grid.size_xyz) - 1) / 2)
    frame = JointFrame(side, (float(x), float(y), float(z)))
    return np.ascontiguousarray(frame.mirror(resample_nearest(volume, frame.grid))), frame


def row(name: str, geometry: JointGeometry, seconds: float) -> str:
    """One joint as a row of the table."""
    space = geometry.joint_space
    distances = (getattr(space, column) for column in COLUMNS[6:12])
    cells = [
        name,
        f"{geometry.head_volume_mm3:.0f}",
        f"{geometry.nv_mm3:.0f}",
        f"{geometry.nv_voxel_mm3:.0f}",
        f"{100 * (geometry.nv_mm3 / geometry.nv_voxel_mm3 - 1):+.1f} %",
        f"{geometry.articular_nv_mm3:.0f}",
        *("-" if mm is None else f"{mm:.1f}" for mm in distances),
        f"{seconds:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    write, said = asked_to_write(), Printed()
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    said.heading(*COLUMNS)
    for name, path, side in reference_joints(Path(sys.argv[1])):
        said.line(row(name, *measure(path, side)))
    if write:
        said.write("accuracy.md", "REFERENCE JOINTS")


if __name__ == "__main__":
    main()
