"""Steps A and B: the condyle and the temporal bone in one joint frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from negvol_cli.inference.normalise import normalise

Floats = npt.NDArray[np.float32]


class SegmenterSpec(Protocol):
    """What a segmenter's manifest says of it."""

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


def segment_joint(hu_zyx: Floats, segmenters: Sequence[Segmenter]) -> tuple[Floats, Floats]:
    """Probabilities of the condyle and of the temporal bone over a joint frame.

    ``hu_zyx`` is the CT in frame order (the right joint mirrored). Between them the segmenters
    give the channels ``condyle`` and ``temporal_bone`` once each; where both claim a voxel the
    weaker is held below one half, so that no voxel is two bones.
    """
    found: dict[str, Floats] = {}
    for segmenter in segmenters:
        probabilities = segmenter(normalise(hu_zyx, segmenter.spec.window_hu))
        found.update(zip(segmenter.spec.channels, probabilities, strict=True))
    condyle, bone = found["condyle"], found["temporal_bone"]
    weaker_condyle = condyle < bone
    return (
        np.where(weaker_condyle, np.minimum(condyle, 1 - bone), condyle),
        np.where(weaker_condyle, bone, np.minimum(bone, 1 - condyle)),
    )
