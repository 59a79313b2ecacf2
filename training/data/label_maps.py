"""Anatomies without a scan: label maps of a skull and a mandible, to be rendered.

``folder/labelmaps`` of the project's own data holds two; what their numbers mean stands in
``MAPS``. The mandible is split at the middle of the image's left-right axis, each half is one
joint, and the joint's centre is found as the product finds it in labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to
from negvol_cli.io.image import read_image
from negvol_cli.steps.landmarks import NoCondyleError
from negvol_cli.steps.recentre import frame_of_labels
from negvol_cli.structures import Label, Side
from training.data.joints import JointSample
from training.tables import ConfigError

LABELLED_MM: Final = 72.0


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What the numbers of a map's file are, and on which sides it has a whole joint."""

    file: str
    skull: tuple[int, ...]
    mandible: tuple[int, ...]
    sides: tuple[Side, ...]


MAPS: Final = (
    LabelMap("upper-skull-mandible-teeth.nii.gz", (1, 3), (2, 4, 5), (Side.RIGHT, Side.LEFT)),
    LabelMap("skull-half-mandible.nii.gz", (1,), (2,), (Side.LEFT,)),
)
"""Teeth belong to the bone that they stand in, the mandibular canal to the mandible. The body's
side is not recorded for the second map: "left" is where its free half of the mandible lies in the
image, and as frames are mirrored to look like a left joint, nothing hangs on it."""


def label_map_joints(folder: Path) -> list[JointSample]:
    """The joints of the maps in ``folder``, without a CT. Raises ConfigError."""
    return [
        _joint(known, volume, side)
        for known in MAPS
        for volume in [_labels(folder / known.file, known)]
        for side in known.sides
    ]


def _labels(path: Path, known: LabelMap) -> Volume:
    if not path.is_file():
        raise ConfigError(f"data.label_maps is true, but {path} does not exist")
    volume = read_image(path).volume
    labels = np.zeros(volume.values_zyx.shape, np.uint8)
    labels[np.isin(volume.values_zyx, known.skull)] = Label.TEMPORAL_BONE
    labels[np.isin(volume.values_zyx, known.mandible)] = Label.CONDYLE
    return Volume(labels, volume.grid)


def _joint(known: LabelMap, volume: Volume, side: Side) -> JointSample:
    half = volume.values_zyx.copy()
    if len(known.sides) > 1:
        other = _beyond_the_middle(volume, side.other)
        half[other] = 0
    try:
        centre = frame_of_labels(Volume(half, volume.grid), side).centre_mm_xyz
    except NoCondyleError as err:
        raise ConfigError(f"no condyle can be told in {known.file}, {side}: {err}") from err
    box = JointFrame(side, centre, 1.0, round(LABELLED_MM)).grid
    part = crop_to(volume, box, margin=0)
    assert part is not None  # the centre lies in it
    name = known.file.removesuffix(".nii.gz")
    return JointSample(name, side, centre, None, Volume(part.values_zyx.copy(), part.grid))


def _beyond_the_middle(volume: Volume, side: Side) -> npt.NDArray[np.bool_]:
    """The voxels on one side of the image's middle; x runs to the patient's left."""
    grid = volume.grid
    x = grid.origin_mm_xyz[0] + np.arange(grid.size_xyz[0]) * grid.spacing_mm_xyz[0]
    left = x > x.mean()
    on = left if side is Side.LEFT else ~left
    return np.broadcast_to(on, grid.shape_zyx)
