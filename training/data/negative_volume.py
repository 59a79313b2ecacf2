"""The negative volume of annotated joints as a label to learn: what negvol measures on them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import NoCondyleError
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.settings import FRAME_SIZE, FRAME_SPACING_MM, Settings
from negvol_cli.steps.measure import measure_joint
from negvol_cli.structures import Label
from training.data.cache import cached
from training.data.joints import JointSample
from training.tables import ConfigError

METHOD: Final = 2
"""Raise it when NV of the same labels may come out otherwise, so that kept ones are made anew."""

Mask = npt.NDArray[np.bool_]


def with_negative_volume(sample: JointSample, kept: Path | None = None) -> JointSample:
    """The sample with NV for its only label, measured on its MC and TB with the default settings.

    NV is known in the product's joint frame. With ``kept``, a folder, a result is written there
    and read again for the same labels. Raises ConfigError where the labels hold no condyle.
    """
    frame = sample.frame(FRAME_SPACING_MM, FRAME_SIZE)
    mc, tb = (sample.mask(frame, label) > 0.5 for label in (Label.CONDYLE, Label.TEMPORAL_BONE))
    nv = cached(kept, f"nv-{_fingerprint(mc, tb)}", partial(_measure, mc, tb, sample))
    labels = frame.mirror(nv) * np.uint8(Label.NEGATIVE_VOLUME)
    return replace(sample, labels=Volume(np.ascontiguousarray(labels), frame.grid), shares=None)


def _measure(mc: Mask, tb: Mask, sample: JointSample) -> Mask:
    """NV over the joint frame, in frame order."""
    frame = JointFrame(sample.side, (0.0, 0.0, 0.0))
    condyle, bone = (smooth_labels(mask, frame.spacing_mm) for mask in (mc, tb))
    try:
        geometry = measure_joint(
            condyle,
            bone,
            frame,
            Settings(),
            load_backend(),
            recorded_zyx=None,
            centre_mm=(0.0, 0.0, 0.0),
        )
    except NoCondyleError as err:
        raise ConfigError(
            f"data.object 'nv' cannot be measured in {sample.head}, {sample.side}: {err}"
        ) from err
    return np.asarray(geometry.labels_zyx == Label.NEGATIVE_VOLUME)


def _fingerprint(mc: Mask, tb: Mask) -> str:
    content = hashlib.sha256(f"{METHOD} {Settings()}".encode())
    for mask in (mc, tb):
        content.update(np.packbits(mask).tobytes())
    return content.hexdigest()[:32]
