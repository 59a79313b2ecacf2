"""The images of a joint whose outlines are given: alone, or beside the CT that they belong to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to, frame_hu, resample
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.steps.joint_images import Floats, JointImages
from negvol_cli.steps.recentre import frame_of_labels
from negvol_cli.steps.scanner import WholeScanner, read_scanner_about, slab_flags
from negvol_cli.steps.self_check import metal_flags
from negvol_cli.steps.uncertainty import outline_quality
from negvol_cli.structures import AIR_HU, Label, Side


def images_of_labels(volume: Volume, side: Side) -> JointImages:
    """One side's labels (``Label`` values) over the frame about its condyle; no CT."""
    frame = frame_of_labels(volume, side)
    condyle, bone = _probabilities(volume, frame)
    hu = np.full(condyle.shape, AIR_HU, dtype=np.float32)
    return JointImages(frame, hu, condyle, bone, np.ones(condyle.shape, dtype=bool))


def basis_of_labels(
    volume: Volume, side: Side, ct: Volume, scanner: WholeScanner
) -> JointBasis | None:
    """What one side's labels and the scan that ``scanner`` took give to be measured from.

    The labels' outline is the bone's edge; field of view, intensities and blur are the scan's.
    None where the joint lies outside it. Raises NoCondyleError where the labels have no condyle.
    """
    frame = frame_of_labels(volume, side)
    part = crop_to(ct, frame.grid)
    if part is None:
        return None
    recorded = np.asarray(frame.mirror(recorded_mask(ct, frame.grid)))
    # what the scan does not show is not measured, as in a scan that was segmented
    condyle, bone = (np.where(recorded, p, np.float32(0.0)) for p in _probabilities(volume, frame))
    measured = JointImages(frame, frame_hu(ct, frame), condyle, bone, recorded).in_steps()
    about = read_scanner_about(part, scanner)
    drawn = [(p >= 0.5).astype(np.float32) for p in (measured.condyle_p, measured.bone_p)]
    flags = metal_flags(measured.hu_zyx, frame.spacing_mm)
    return JointBasis(
        network=replace(measured, condyle_p=drawn[0], bone_p=drawn[1]),
        measured=measured,
        found=None,
        flags=(*flags, *slab_flags(about, ct.grid.spacing_mm_xyz)),
        outline=outline_quality(about, max(volume.grid.spacing_mm_xyz)),
    )


def _probabilities(volume: Volume, frame: JointFrame) -> tuple[Floats, Floats]:
    """The condyle's and the temporal bone's, whose level of one half is the labels' outline."""
    masks = [
        Volume((volume.values_zyx == label).astype(np.float32), volume.grid)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
    ]
    condyle, bone = (
        smooth_labels(frame.mirror(resample(mask, frame.grid, fill=0.0)), frame.spacing_mm)
        for mask in masks
    )
    return condyle, bone
