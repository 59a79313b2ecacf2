"""The annotated joints: each with its own part of the scan and of the labels, as they were stored.

Nothing is resampled before a frame is drawn, so that a training frame is interpolated once, as the
frames of ``negvol run`` are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to, frame_hu, resample
from negvol_cli.structures import Label, Side
from training.data.annotations import AnnotationReader, read_volume
from training.data.dataset import Case, Dataset
from training.tables import ConfigError

CROP_MM: Final = 108.0
"""The side of what is kept about a joint's centre: a frame of 64 mm, turned by 25 degrees about
each axis, 14 % larger and shifted by 9 mm, reaches no farther but in its corners."""

BOX_MM: Final = 0.5
WHOLE: Final = 255
"""The share of a voxel that is all label."""
EDGE_MM: Final = 0.5
"""How far in and out of a surface a voxel is only partly bone: as far as labels of 0.5 mm show
it once they are interpolated, so that a surface keeps its place between their voxels."""
LOWEST_HU, HIGHEST_HU = -1024, 3071

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class JointSample:
    """One joint to learn from.

    ``ct`` (int16 HU) and ``labels`` (uint8, ``Label`` values) lie on grids of their own in the
    world. Labels are known within their grid and ``annotated_mm`` of the centre. ``ct`` is None
    for an anatomy without a scan, to be rendered from its labels. ``shares`` says of labels whose
    surface is known between the voxels how much of each voxel is theirs, uint8 to ``WHOLE``.
    """

    head: str
    side: Side
    centre_mm: Vector
    ct: Volume | None
    labels: Volume
    annotated_mm: float = np.inf
    shares: Mapping[Label, Bytes] | None = None

    def frame(self, spacing_mm: float, size: int) -> JointFrame:
        """The product's joint frame about this joint."""
        return JointFrame(self.side, self.centre_mm, spacing_mm, size)

    def hu(self, frame: JointFrame) -> Floats:
        """HU over a frame, (z, y, x) in frame order: what ``negvol run`` shows its network."""
        if self.ct is None:
            raise ConfigError(f"{self.head} has labels only, no CT")
        return frame_hu(self.ct, frame)

    def mask(self, frame: JointFrame, label: Label) -> Floats:
        """How much of each voxel of a frame is ``label``, 0 to 1, (z, y, x) in frame order."""
        return self._over(frame, np.asarray(self.share(label) / WHOLE, np.float32))

    def share(self, label: Label) -> Bytes:
        """How much of each voxel of ``labels`` is ``label``, (z, y, x), 0 to ``WHOLE``."""
        if self.shares and label in self.shares:
            return self.shares[label]
        return np.where(self.labels.values_zyx == label, np.uint8(WHOLE), np.uint8(0))

    def known(self, frame: JointFrame) -> npt.NDArray[np.bool_]:
        """Where in a frame the labels say something, (z, y, x) in frame order."""
        inside = self._over(frame, np.ones(self.labels.grid.shape_zyx, np.float32)) > 0.99
        axis = (np.arange(frame.size) - (frame.size - 1) / 2) * frame.spacing_mm
        away = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
        return np.asarray(inside & (away <= self.annotated_mm))

    def _over(self, frame: JointFrame, values: Floats) -> Floats:
        volume = Volume(values, self.labels.grid)
        return np.asarray(frame.mirror(resample(volume, frame.grid, fill=0)))


def load_joints(dataset: Dataset) -> list[JointSample]:
    """Every annotated joint of a dataset.

    ``head`` is the patient, so that whatever holds a head out holds out all of a patient's scans.
    """
    return [joint for case in dataset.cases for joint in _joints_of(case, dataset)]


def _joints_of(case: Case, dataset: Dataset) -> list[JointSample]:
    joints = []
    read = lru_cache(maxsize=2)(read_volume)
    for drawn in case.drawn:
        reader = AnnotationReader(drawn, dataset.contour_axes, read)
        centre = reader.centre_mm()
        if centre is None:  # a map of both joints that shows one
            continue
        box = JointFrame(drawn.side, centre, BOX_MM, round(CROP_MM / BOX_MM)).grid
        ct = crop_to(read(case.image), box, margin=1)
        if ct is None:
            raise ConfigError(f"{case.image}: the {drawn.side} joint lies outside the image")
        labels = reader.labels_within(box)
        joints.append(
            JointSample(
                case.patient, drawn.side, centre, as_stored(ct), labels, dataset.annotated_mm
            )
        )
    return joints


def shares_of(outside_mm: Floats) -> Bytes:
    """How much of each voxel is a label, from how far outside its surface the voxel lies."""
    share = np.clip(0.5 - outside_mm / (2 * EDGE_MM), 0.0, 1.0)
    return np.asarray(np.round(share * WHOLE), np.uint8)


def as_stored(ct: Volume) -> Volume:
    """A CT clipped to 12 bits and rounded to whole HU, int16."""
    values = np.clip(np.round(ct.values_zyx), LOWEST_HU, HIGHEST_HU).astype(np.int16)
    return Volume(np.ascontiguousarray(values), ct.grid)
