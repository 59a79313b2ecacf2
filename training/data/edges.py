"""Reference labels brought to where the product says that bones end, before they are learnt from.

Labels drawn at a level of grey lie outside the bone by what the scanner blurs, so that a network
would learn each scanner's own offset. The product's edge step moves them; training takes whatever
that step does.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli import steps
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.steps.calibrate_hu import scanner_of
from negvol_cli.steps.edge_field import BAND_MM
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.steps.scanner import read_scanner_about
from negvol_cli.structures import Label
from training.data.cache import cached
from training.data.joints import WHOLE, Bytes, JointSample, shares_of

SPACING_MM: Final = 0.5
LARGEST_MM: Final = 72.0


def with_refined_edges(joint: JointSample, kept: Path | None = None) -> JointSample:
    """The joint with both bones ending where the product's edge step puts them.

    Its labels then lie on a frame of 0.5 mm, the largest about the centre (up to 72 mm) in which
    they were known, and say how much of each voxel is bone. ``kept`` is a folder to keep them in;
    they are made anew when the step, the scan or the labels change.
    """
    frame = joint.frame(SPACING_MM, _size(joint))
    hu = joint.hu(frame)
    masks = [joint.mask(frame, label) for label in (Label.CONDYLE, Label.TEMPORAL_BONE)]
    shares = cached(
        kept, f"shares-{_fingerprint(hu, *masks)}", partial(_moved, hu, masks, frame, joint.ct)
    )
    condyle, bone = (np.ascontiguousarray(frame.mirror(share)) for share in shares)
    labels = labels_of(condyle, bone)
    known = {Label.CONDYLE: condyle, Label.TEMPORAL_BONE: bone}
    return replace(joint, labels=Volume(labels, frame.grid), shares=known)


def labels_of(condyle: Bytes, bone: Bytes) -> Bytes:
    """The label that has at least half of each voxel, (z, y, x); the condyle before the bone."""
    labels = np.zeros(condyle.shape, np.uint8)
    labels[bone > WHOLE // 2] = Label.TEMPORAL_BONE
    labels[condyle > WHOLE // 2] = Label.CONDYLE
    return labels


def _moved(
    hu: npt.NDArray[np.float32],
    masks: list[npt.NDArray[np.float32]],
    frame: JointFrame,
    ct: Volume | None,
) -> Bytes:
    """How much of each voxel of the frame is condyle and bone, (2, z, y, x) in frame order."""
    whole = ct or Volume(np.ascontiguousarray(frame.mirror(hu)), frame.grid)
    condyle, bone = (smooth_labels(mask, frame.spacing_mm) for mask in masks)
    images = JointImages(frame, hu, condyle, bone, np.ones(hu.shape, dtype=bool))
    part = crop_to(whole, frame.grid) or whole
    moved = refine_edges(images, part, read_scanner_about(part, scanner_of(whole))).images
    return np.stack([shares_of(BAND_MM * (1 - 2 * p)) for p in (moved.condyle_p, moved.bone_p)])


def _size(joint: JointSample) -> int:
    """The voxels of the largest frame in which the labels are known, an even number."""
    corners = joint.labels.grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    half = min(*(joint.centre_mm - low), *(high - np.array(joint.centre_mm)), LARGEST_MM / 2)
    return 2 * int(half / SPACING_MM)


def _fingerprint(*arrays: npt.NDArray[np.float32]) -> str:
    content = hashlib.sha256()
    for file in sorted(Path(steps.__path__[0]).glob("*.py")):
        content.update(file.read_bytes())
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:32]
