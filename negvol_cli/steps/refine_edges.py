"""Where the bones end: every surface point moved to the physical edge of the bone.

A network outlines bones where its teachers did, at some grey; where bone ends is told by the scan
itself, along lines across each surface (``bone_lines``), which also tell what both bones share
(``joint_lines``). Neighbouring edges steady each other (``edge_smoothing``), and the surface is
moved; probabilities follow it (``edge_field``). What is found on the way is kept: how sure each
edge is, and how thick the cortex there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Points, Volume, vector
from negvol_cli.geometry.point_tree import PointTree
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import EdgeReport
from negvol_cli.steps.bone_lines import BoneEdges, BoneLines
from negvol_cli.steps.edge_field import kept_apart
from negvol_cli.steps.edge_smoothing import spread_over
from negvol_cli.steps.edge_usual import USUAL, Kernel
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.joint_lines import shared_cortex, told_kernel
from negvol_cli.steps.scanner import Scanner

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

THINNEST_MM: Final = 1.1
"""A plate is drawn no thinner, on the side away from the condyle: voxels of 0.5 mm hold it so."""
MAPPED_MM: Final = 2.0
"""From the nearest edge that was fitted: farther off no thickness is told."""
ROOF_COSINE: Final = float(np.cos(np.radians(45.0)))
"""The roof is where the superior joint space ends (``joint_space.SECTOR_COSINE``)."""
FEWEST_ROOF: Final = 20
"""The 5th percentile is then the thinnest: of fewer edges it would be one edge's noise."""
ONE_PLATE_MM: Final = 1.0
"""A thinner plate is one layer to a scanner: its fit tells its thickness, not its two edges."""
THICKEST_MM: Final = 3.4
"""By the networks: a thicker bone is none whose thickness is sought."""


@dataclass(frozen=True, slots=True, eq=False)
class RefinedJoint:
    """A joint whose probabilities end where the bones do, and the edges of both bones.

    ``plate_mm`` (V,) belongs to the points of the temporal bone: how thick it is there, NaN where
    it is over about 2.5 mm. ``condyle_faces`` (W,) belongs to those of the condyle: which point of
    the temporal bone its normal ends on, -1 for none. ``kernel`` is what blurred the lines.
    ``level_mm`` is how far off the edges would lie had thick cortex been expected dimmer by the
    spread of its level, ``CORTEX_SPREAD``: hardly anything where lines tell that level, and over
    0.1 mm where none does (thin cortex, blurred by 0.8 mm).
    """

    images: JointImages
    condyle: BoneEdges
    temporal_bone: BoneEdges
    plate_mm: Floats
    condyle_faces: Indices
    kernel: Kernel = USUAL
    level_mm: float = 0.0

    def summary(self, scanner: Scanner, up: Points) -> EdgeReport:
        """What is reported of the edges that ``scanner`` showed; ``up`` (3,) is the axis."""
        both = np.concatenate([self.condyle.explained, self.temporal_bone.explained])
        return EdgeReport(
            blur_mm_xyz=vector(self.kernel.width * np.array(scanner.blur_mm_xyz)),
            overshoot=self.kernel.overshoot,
            noise_hu=scanner.noise_hu,
            tissue_hu=scanner.tissue_hu,
            cortex_hu=self.temporal_bone.cortex_hu,
            explained=float(both.mean()) if len(both) else 0.0,
            roof_mm=self.roof_mm(up),
        )

    def thickness_on(self, mesh: Mesh) -> Floats:
        """(V,): the temporal bone's thickness at vertices of its mesh in frame mm.

        Of the whole plate where it is under about 2.5 mm, else of its cortex; NaN where no edge
        was fitted within 2 mm.
        """
        edges = self.temporal_bone
        if mesh.is_empty or not len(edges.points_mm):
            return np.full(len(mesh.points_mm), np.nan)
        thick = np.where(np.isfinite(self.plate_mm), self.plate_mm, edges.thickness_mm)
        at = mesh.points_mm
        values = spread_over(edges.points_mm, edges.normals, at, mesh.vertex_normals(), thick)
        far, _ = PointTree(edges.points_mm).query(at)
        return np.where(far <= MAPPED_MM, values, np.nan)

    def roof_mm(self, up: Points) -> float | None:
        """How thick the fossa's roof is at its thinnest: the 5th percentile above the condyle.

        The roof is where normals of the condyle within 45° of ``up`` (3,) end on temporal bone.
        None where it is nowhere thin enough to have its thickness told (2.5 mm).
        """
        ends = self.condyle_faces[(self.condyle.normals @ up > ROOF_COSINE)]
        plates = self.plate_mm[ends[ends >= 0]]
        plates = plates[np.isfinite(plates)]
        return float(np.quantile(plates, 0.05)) if len(plates) >= FEWEST_ROOF else None


def refine_edges(images: JointImages, ct: Volume, scanner: Scanner) -> RefinedJoint:
    """Both bones of ``images`` ended where ``ct`` shows them to end, as ``scanner`` saw them.

    ``ct`` is the scan, or the part of it about the joint, in the units of ``scanner``.
    """
    bone = BoneLines(images, images.bone_p, images.condyle_p, ct, scanner)
    condyle = BoneLines(images, images.condyle_p, images.bone_p, ct, scanner)
    condyle.dims_to_top()
    cortex = shared_cortex(bone, condyle, scanner)
    kernel = told_kernel(bone, condyle, cortex, scanner)
    if kernel != USUAL:
        cortex = shared_cortex(bone, condyle, scanner)
    (found, of_bone), (head, of_condyle) = bone.edges(cortex), condyle.edges(cortex)
    away = np.concatenate([of_bone, of_condyle])
    level_mm = abs(float(away.mean())) if len(away) else 0.0
    drawn = replace(found, moved_mm=_kept_whole(found, bone.back_mm, head.points_mm))
    apart = kept_apart(condyle.moved(head), bone.moved(drawn))
    moved = replace(images, condyle_p=apart[0], bone_p=apart[1])
    plates = _plates(found, bone.back_mm)
    faces = condyle.faces(bone)
    return RefinedJoint(moved, _on_edge(head), _on_edge(found), plates, faces, kernel, level_mm)


def _on_edge(edges: BoneEdges) -> BoneEdges:
    return replace(edges, points_mm=edges.points_mm + edges.moved_mm[:, None] * edges.normals)


def _other_side(edges: BoneEdges, back_mm: Floats) -> tuple[Indices, Indices]:
    """Points on plates up to 3.4 mm thick by the networks, and the points on their other sides."""
    points = edges.points_mm
    thin = np.flatnonzero(back_mm < THICKEST_MM)
    if len(thin) < 2:
        return thin[:0], thin[:0]
    across = points[thin] - back_mm[thin, None] * edges.normals[thin]
    far, other = PointTree(points).query(across, k=min(6, len(points)))
    facing = np.einsum("vi,vki->vk", edges.normals[thin], edges.normals[other]) < -0.3
    far = np.where(facing & (far < 1.5), far, np.inf)
    rows, best = np.arange(len(thin)), np.argmin(far, axis=1)
    known = np.isfinite(far[rows, best])
    return thin[known], other[rows, best][known]


def _plates(edges: BoneEdges, back_mm: Floats) -> Floats:
    """(V,): how thick the bone is between both its edges; NaN where it is over 2.5 mm.

    Where it is thinner than the scanner can part, what the fit of one plate says.
    """
    thick = np.full(len(back_mm), np.nan)
    here, there = _other_side(edges, back_mm)
    thick[here] = back_mm[here] + edges.moved_mm[here] + edges.moved_mm[there]
    merged = (thick < ONE_PLATE_MM) & edges.explained
    thick[merged] = np.minimum(edges.thickness_mm, ONE_PLATE_MM)[merged]
    return np.where(thick > 0, thick, np.nan)


def _kept_whole(edges: BoneEdges, back_mm: Floats, condyle_mm: Points) -> Floats:
    """(V,): the moves with thin plates kept drawable, by moving the side away from the condyle.

    Only the side that faces the joint is measured, and that stays where it was found.
    """
    moved, points = edges.moved_mm.copy(), edges.points_mm
    here, there = _other_side(edges, back_mm)
    if not len(here) or not len(condyle_mm):
        return moved
    condyle = PointTree(condyle_mm)
    behind = condyle.query(points[here])[0] > condyle.query(points[there])[0]
    thick = back_mm[here] + moved[here] + edges.moved_mm[there]
    moved[here] += np.where(behind, np.maximum(THINNEST_MM - thick, 0.0), 0.0)
    return moved
