"""One joint measured from what belongs to which bone: all that ``run`` does but the networks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.intervals import Grounds, grounds_of
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import FRAME_CENTRE, JointFrame
from negvol_cli.geometry.resample import crop_to, frame_hu
from negvol_cli.mesh.backend import load_backend
from negvol_cli.mesh.iso_surface import smooth_labels
from negvol_cli.settings import Settings
from negvol_cli.steps.calibrate_hu import whole_scanner_of
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.measure import JointGeometry, measure_joint
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.steps.scanner import read_scanner_about
from negvol_cli.structures import Label


def measure_topology(
    labels_zyx: npt.NDArray[np.uint8], frame: JointFrame, ct: Volume, settings: Settings
) -> tuple[JointGeometry, Grounds]:
    """The joint whose bones (``Label``, frame order) end where ``ct`` shows them to end.

    With it comes what the 95 % interval of each figure rests on.
    """
    condyle, bone = (
        smooth_labels(labels_zyx == label, frame.spacing_mm)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
    )
    recorded = np.ones(labels_zyx.shape, dtype=bool)
    drawn = JointImages(
        frame=frame,
        hu_zyx=frame_hu(ct, frame),
        condyle_p=condyle,
        bone_p=bone,
        recorded_zyx=recorded,
    )
    part = crop_to(ct, frame.grid) or ct
    scanner = read_scanner_about(part, whole_scanner_of(ct))
    refined = refine_edges(drawn, part, scanner)
    shape = measure_joint(
        refined.images.condyle_p,
        refined.images.bone_p,
        frame,
        settings,
        load_backend(),
        recorded_zyx=None,
        centre_mm=FRAME_CENTRE,
    )
    return shape, grounds_of(
        shape, (refined, scanner), settings.clip.width_mm / 2, max(ct.grid.spacing_mm_xyz)
    )
