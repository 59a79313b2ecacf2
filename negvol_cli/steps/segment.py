"""Steps A and B: segmentation of the condyle and the temporal bone in one joint frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu, resample
from negvol_cli.inference.normalise import normalise
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.steps.joint_images import Floats, JointImages, Mask


class SegmenterSpec(Protocol):
    """What a segmenter's manifest says of it."""

    @property
    def spacing_mm(self) -> float:
        """The isotropic spacing of what it sees."""
        ...

    @property
    def size_zyx(self) -> tuple[int, int, int]:
        """The voxels it sees, a cube."""
        ...

    @property
    def window_hu(self) -> tuple[float, float]:
        """The HU mapped to [-1, 1]."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """What each output channel is."""
        ...


class Segmenter(Protocol):
    """A network that takes (z, y, x) in [-1, 1] and gives probabilities (C, z, y, x)."""

    @property
    def spec(self) -> SegmenterSpec:
        """Its manifest entry."""
        ...

    def __call__(self, image_zyx: Floats, /) -> Floats:
        """Probabilities (C, z, y, x)."""
        ...


def segment_joint(ct: Volume, frame: JointFrame, segmenters: Sequence[Segmenter]) -> JointImages:
    """Return the CT on ``frame`` and the probabilities of condyle and temporal bone there.

    Each segmenter sees a frame of its own with the same centre, with the spacing and size of its
    manifest; its output is resampled to ``frame`` linearly, and what it did not see counts as not
    recorded. Together the segmenters give the channels ``condyle`` and ``temporal_bone`` once each;
    where both claim a voxel, the weaker is kept below one half, so that no voxel is both bones.
    """
    hu = frame_hu(ct, frame)
    seen = np.asarray(frame.mirror(recorded_mask(ct, frame.grid)))
    found: dict[str, Floats] = {}
    for segmenter in segmenters:
        own = _own_frame(frame, segmenter.spec)
        image = hu if own == frame else frame_hu(ct, own)
        answers = segmenter(normalise(image, segmenter.spec.window_hu))
        if own != frame:
            answers = _taken_to(frame, own, answers)
            seen = seen & _within(own, frame)
        found.update(zip(segmenter.spec.channels, answers, strict=True))
    condyle, bone = found["condyle"], found["temporal_bone"]
    weaker_condyle = condyle < bone
    return JointImages(
        frame,
        hu,
        np.where(weaker_condyle, np.minimum(condyle, 1 - bone), condyle),
        np.where(weaker_condyle, bone, np.minimum(bone, 1 - condyle)),
        seen,
    )


def _own_frame(frame: JointFrame, spec: SegmenterSpec) -> JointFrame:
    return JointFrame(frame.side, frame.centre_mm_xyz, spec.spacing_mm, spec.size_zyx[0])


def _taken_to(frame: JointFrame, own: JointFrame, answers: Floats) -> Floats:
    """Answers (C, z, y, x) over a network's own frame, at the voxels of ``frame``."""
    return np.stack(
        [resample(Volume(answer, own.local_grid), frame.local_grid, fill=0.0) for answer in answers]
    )


def _within(own: JointFrame, frame: JointFrame) -> Mask:
    """Which voxels of ``frame`` lie within a network's own frame about the same centre."""
    axis = (np.arange(frame.size) - (frame.size - 1) / 2) * frame.spacing_mm
    inside = np.abs(axis) <= own.size / 2 * own.spacing_mm
    return np.asarray(inside[:, None, None] & inside[:, None] & inside)
