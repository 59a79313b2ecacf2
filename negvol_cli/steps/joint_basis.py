"""What the figures of one joint follow from, and the figures themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from negvol_cli.geometry.joint_frame import FRAME_CENTRE
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.report import JointReport
from negvol_cli.settings import Settings
from negvol_cli.steps.checks import SeenEdges
from negvol_cli.steps.flags import Flag, FlagKind
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.measure import JointGeometry, measure_joint
from negvol_cli.steps.self_check import judge
from negvol_cli.steps.uncertainty import (
    BY_HAND_MM,
    STREAKS_MM,
    EdgeQuality,
    coarse_sd_mm,
    edge_quality,
    uncertainty,
)

UNSEEN_ROOF_MM: Final = 0.1
"""Standard deviation added to what a bone's edges have in common where air cells were closed or the
roof was bridged: no network outlined the roof there. On six such joints of phantoms NV was off by
2.4 % and the superior space by 0.12 mm (root mean square)
(``benchmarks/phantom_truth.py --choosing``)."""
UNSEEN_AT_MM: Final = 0.4
"""The same of the roof alone. On ten more such joints, of heads that no benchmark judges on, the
superior space was off by 0.54 mm (root mean square): in three by 0.8 to 1.05 mm, where the wall
below the cells was too thin and dim to be seen and the roof was drawn that much too high."""
NOISY_EDGE_MM: Final = 2.0
"""Standard deviation added to it for noise as high as the step from soft tissue to cortex. Noise of
8 to 14 % of that step (cone beam) hides how blurred a scan is, so that edges are left outside the
bone: NV of six simulated joints was 8 to 11 % too small and stated to 7 %
(``benchmarks/cone_beam.py``). Noise of a clinical CT, 1 or 2 % of the step, adds next to nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The shares, 0 to 1, of each bone's surface by the joint that a person drew."""

    condyle: float = 0.0
    temporal_bone: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JointBasis:
    """What the figures and checks of one joint follow from, given the settings.

    Attributes
    ----------
    network, measured
        The joint as the networks gave it, and with its final edges.
    found
        Where the joint was found; None where no localiser was asked.
    flags
        What is said against the joint before it is measured: metal, thick slices, a roof that was
        closed.
    edges
        The edges of both bones and the scanner that showed them; None where none were sought.
    voxel_mm
        The longest edge of the voxels that the networks saw; None where a person drew the outline.
    drawn
        How much of the outline is not theirs.
    outline
        What outlines that were given, without ``edges``, leave open.
    excused
        The checks whose failure takes no figure away (see ``judge``), by their names.
    """

    network: JointImages
    measured: JointImages
    found: FoundJoint | None
    flags: tuple[Flag, ...] = ()
    edges: SeenEdges | None = None
    voxel_mm: float | None = None
    drawn: Drawn = Drawn()
    outline: EdgeQuality | None = None
    excused: frozenset[str] = frozenset()

    @property
    def quality(self) -> EdgeQuality | None:
        """What edges or outlines leave open; None where that is not known."""
        if self.edges is None:
            return self.outline
        refined, scanner = self.edges
        fitted = edge_quality(refined, scanner)
        coarse = coarse_sd_mm(self.voxel_mm or 0.0)
        unseen = self.flag(FlagKind.CELLS_CLOSED, FlagKind.ROOF_BRIDGED)
        step_hu = max(refined.temporal_bone.cortex_hu - scanner.tissue_hu, 1.0)
        noisy = NOISY_EDGE_MM * scanner.noise_hu / step_hu
        streaks = STREAKS_MM if self.flag(FlagKind.METAL) else 0.0
        return replace(
            fitted,
            common_mm=math.hypot(
                fitted.common_mm, coarse, UNSEEN_ROOF_MM if unseen else 0.0, noisy, streaks
            ),
            roof_mm=UNSEEN_AT_MM if unseen else 0.0,
            condyle_mm=_mixed(fitted.condyle_mm, self.drawn.condyle),
            bone_mm=_mixed(fitted.bone_mm, self.drawn.temporal_bone),
        )

    def flag(self, *kinds: FlagKind) -> Flag | None:
        """The first flag of one of the ``kinds``; None where there is none."""
        return next((flag for flag in self.flags if flag.kind in kinds), None)


def figures_of(
    basis: JointBasis, settings: Settings, backend: MeshBackend
) -> tuple[JointReport, JointGeometry]:
    """The joint's report and geometry. Raises NoCondyleError where there is no condyle."""
    geometry = geometry_of(basis, settings, backend)
    return report_of(basis, geometry, settings), geometry


def geometry_of(basis: JointBasis, settings: Settings, backend: MeshBackend) -> JointGeometry:
    """The joint's geometry, whose labels are 0 where the scan has no data.

    Raises NoCondyleError where there is no condyle.
    """
    images = basis.measured
    recorded = images.recorded_zyx
    geometry = measure_joint(
        images.condyle_p,
        images.bone_p,
        images.frame,
        settings,
        backend,
        recorded_zyx=recorded,
        centre_mm=FRAME_CENTRE if basis.found else None,
    )
    return replace(geometry, labels_zyx=np.where(recorded, geometry.labels_zyx, 0).astype(np.uint8))


def report_of(basis: JointBasis, geometry: JointGeometry, settings: Settings) -> JointReport:
    """What is reported of a joint's geometry, once it has been checked."""
    images, edges = basis.measured, basis.edges
    judge_it = partial(judge, network=basis.network, refined=images, edges=edges)
    joint = judge_it(
        geometry,
        basis.found,
        images.recorded_zyx,
        settings,
        voxel_mm=basis.voxel_mm,
        excused=basis.excused,
    )
    joint = replace(joint, flags=(*joint.flags, *(flag.text for flag in basis.flags)))
    if edges is not None:
        joint = replace(joint, edges=edges[0].summary(edges[1], np.array(geometry.axis.up)))
    quality = basis.quality
    if quality is None or (joint.head_volume_mm3 is None and joint.nv_mm3 is None):
        return joint
    halves = uncertainty(geometry, quality, settings.clip.width_mm / 2)
    return replace(joint, uncertainty=halves)


def _mixed(fitted_mm: float, drawn: float) -> float:
    return float(np.sqrt((1.0 - drawn) * fitted_mm**2 + drawn * BY_HAND_MM**2))
