"""The negative volume of annotated joints as a label to learn: what negvol measures on them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.settings import FRAME_SIZE, Settings
from negvol_cli.steps.landmarks import NoCondyleError
from negvol_cli.steps.measure import measure_joint
from negvol_cli.structures import Label
from training.config import ConfigError
from training.data.joints import JointSample

METHOD: Final = 1
"""Raise it when NV of the same labels may come out otherwise, so that kept ones are made anew."""

Mask = npt.NDArray[np.bool_]


def negative_volume(sample: JointSample, kept: Path | None = None) -> Mask:
    """NV (z, y, x) over the sample's frame, measured on its MC and TB with the default settings.

    With ``kept``, a folder, a result is written there and read again for the same labels. Raises
    ConfigError where the labels hold no condyle.
    """
    mc, tb = (np.asarray(sample.channels[i] > 0.5) for i in (1, 2))
    path = kept / f"{_fingerprint(mc, tb, sample.frame)}.npz" if kept else None
    if path and path.is_file():
        with np.load(path) as file:
            return np.unpackbits(file["nv"], count=mc.size).reshape(mc.shape).astype(bool)
    nv = _measure(mc, tb, sample)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{np.random.default_rng().integers(2**62)}.partial.npz")
        np.savez(partial, nv=np.packbits(nv))
        partial.replace(path)
    return nv


def _measure(mc: Mask, tb: Mask, sample: JointSample) -> Mask:
    """NV over the sample's frame, found in the smaller joint frame in its middle."""
    size = min(FRAME_SIZE, sample.frame.size)
    edge = (sample.frame.size - size) // 2
    middle = (slice(edge, edge + size),) * 3
    frame = JointFrame(sample.frame.side, (0.0, 0.0, 0.0), sample.frame.spacing_mm, size)
    condyle, bone = (smooth_labels(mask[middle], frame.spacing_mm) for mask in (mc, tb))
    try:
        geometry = measure_joint(
            condyle, bone, frame, Settings(), load_backend(), recorded_zyx=None, centre_known=True
        )
    except NoCondyleError as err:
        side = sample.frame.side.value
        raise ConfigError(
            f"data.object 'nv' cannot be measured in {sample.head}, {side}: {err}"
        ) from err
    nv = np.zeros(mc.shape, dtype=bool)
    nv[middle] = geometry.labels_zyx == Label.NEGATIVE_VOLUME
    return nv


def _fingerprint(mc: Mask, tb: Mask, frame: JointFrame) -> str:
    content = hashlib.sha256(f"{METHOD} {Settings()} {frame.size} {frame.spacing_mm}".encode())
    for mask in (mc, tb):
        content.update(np.packbits(mask).tobytes())
    return content.hexdigest()[:32]
