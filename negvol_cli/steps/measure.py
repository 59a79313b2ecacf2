"""From the probabilities of one joint to its figures: reconstruct, inflate, clip, measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Grid, Vector, crop
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.backend import MeshBackend
from negvol_cli.mesh.distance import Surface
from negvol_cli.mesh.iso_surface import iso_surface
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import JointSpace
from negvol_cli.settings import Settings
from negvol_cli.steps.inflate import Inflation, inflate, room_about
from negvol_cli.steps.joint_space import joint_space
from negvol_cli.steps.landmarks import Clip, Head, apex_of, condylar_head, condyle_seed
from negvol_cli.steps.process_axis import Axis, process_axis
from negvol_cli.steps.reconstruct import only_component, without_hollows, without_specks
from negvol_cli.steps.voxel_check import VoxelCount, count_voxels, unseen_fraction
from negvol_cli.threads import both

CONDYLE_EDGE_MM: Final = 0.6
"""About the frame's voxel of 0.5 mm: finer triangles show no more of the surface."""

BONE_MARGIN_MM: Final = 8.0
"""Bone beyond the clip that is meshed as well, so that its surface has no edge near the clip."""

SHOWN_MM: Final = 15.0
"""Half the width of the sections of a small measurement sphere; only pictures need it."""

DISAGREEMENT: Final = 0.02
"""Mesh and voxels agree to 1.2 % on the reference labels (docs/accuracy.md, Geometry alone)."""


@dataclass(frozen=True, slots=True, eq=False)
class JointGeometry:
    """What was measured in one joint frame; meshes and points in frame mm.

    ``temporal_bone`` is the bone around the joint, up to 8 mm beyond the clip; ``labels_zyx``
    (``Label`` values on the frame, in frame order: the right joint mirrored) has all of it.
    ``joint_space_mm`` (V,) belongs to the vertices of ``condyle``: the distance along the normal to
    the temporal bone, NaN where the normal ends elsewhere; ``of_head`` (V,) says which vertices
    belong to the condylar head, ``axis`` which way is up for it. ``unseen_fraction`` is the share
    of the clip, 0 to 1, that the scan did not record.
    """

    frame: JointFrame
    condyle: Mesh
    temporal_bone: Mesh
    inflated: Mesh
    joint_space_mm: npt.NDArray[np.float64]
    of_head: npt.NDArray[np.bool_]
    labels_zyx: npt.NDArray[np.uint8]
    axis: Axis
    apex_mm: Vector
    head_centre_mm: Vector
    head_volume_mm3: float
    nv_mm3: float
    nv_voxel_mm3: float
    articular_nv_mm3: float
    joint_space: JointSpace
    watertight: bool
    flags: tuple[str, ...] = ()
    unseen_fraction: float = 0.0


def measure_joint(
    condyle_p: npt.NDArray[np.float32],
    temporal_p: npt.NDArray[np.float32],
    frame: JointFrame,
    settings: Settings,
    backend: MeshBackend,
    *,
    recorded_zyx: npt.NDArray[np.bool_] | None,
    centre_mm: Vector | None,
) -> JointGeometry:
    """Measure one joint from the probabilities of MC and TB, [z, y, x] on the frame.

    ``recorded_zyx`` is false where the scan has no data. ``centre_mm`` is the localised centre of
    the joint in frame mm; with None the condylar process is searched for. Raises
    ``NoCondyleError`` where there is no condyle.
    """
    grid = frame.local_grid
    seed = condyle_seed(condyle_p >= 0.5, grid, settings.head, centre_mm)
    condyle_p = _own_condyle(condyle_p, grid, seed)
    temporal_p = without_specks(temporal_p, grid.voxel_mm3)
    # the mesh library works on one mesh at a time: what needs none is found meanwhile
    condyle, axis = both(
        lambda: backend.refine(iso_surface(condyle_p, grid, 0.5), CONDYLE_EDGE_MM),
        lambda: process_axis(
            condyle_p >= 0.5, grid, centre_mm or seed, settings.head, recorded_zyx
        ),
        settings.threads,
    )
    surface = Surface(condyle)
    head = condylar_head(
        condyle,
        surface,
        axis,
        apex_of(condyle, axis, settings.head.apex_radius_mm),
        settings=settings.head,
        spacing_mm=settings.inflation.grid_mm,
    )
    clip = Clip(head.centre_mm, settings.clip)
    (temporal_bone, voxels), room = both(
        lambda: (
            _bone_about(clip, temporal_p, grid, backend),
            count_voxels(condyle_p, temporal_p, grid, clip),
        ),
        lambda: room_about(surface, clip, settings.inflation),
        settings.threads,
    )
    inflation = inflate(condyle, temporal_bone, clip, settings.inflation, room)
    measured = _Measured(condyle, temporal_bone, axis, head, inflation, voxels)
    return measured.geometry(frame, unseen_fraction(recorded_zyx, grid, clip))


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What the steps have found of one joint."""

    condyle: Mesh
    temporal_bone: Mesh
    axis: Axis
    head: Head
    inflation: Inflation
    voxels: VoxelCount

    def geometry(self, frame: JointFrame, unseen: float) -> JointGeometry:
        head, inflation, voxels = self.head, self.inflation, self.voxels
        bone = self.temporal_bone
        watertight = self.condyle.is_watertight and (bone.is_empty or bone.is_watertight)
        return JointGeometry(
            frame=frame,
            condyle=self.condyle,
            temporal_bone=bone,
            inflated=inflation.inflated,
            joint_space_mm=inflation.joint_space_mm,
            of_head=head.of_condyle,
            labels_zyx=voxels.labels_zyx,
            axis=self.axis,
            apex_mm=head.apex_mm,
            head_centre_mm=head.centre_mm,
            head_volume_mm3=head.volume_mm3,
            nv_mm3=inflation.nv_mm3,
            nv_voxel_mm3=voxels.nv_mm3,
            articular_nv_mm3=inflation.articular_nv_mm3,
            joint_space=joint_space(self.condyle, inflation.joint_space_mm, head, self.axis),
            watertight=watertight,
            flags=(*_flags(inflation.nv_mm3, voxels.nv_mm3, watertight), *self.axis.doubts),
            unseen_fraction=unseen,
        )


def _own_condyle(
    condyle_p: npt.NDArray[np.float32], grid: Grid, seed_mm: Vector
) -> npt.NDArray[np.float32]:
    """The piece of the condyle at ``seed_mm``, filled."""
    k, j, i = (int(n) for n in np.rint(grid.to_index(seed_mm))[::-1])
    return without_hollows(only_component(condyle_p, (k, j, i)), grid.spacing_mm_xyz[0])


def _bone_about(
    clip: Clip, temporal_p: npt.NDArray[np.float32], grid: Grid, backend: MeshBackend
) -> Mesh:
    """The surface of the temporal bone within the clip, and some of it beyond.

    Its triangles are those of marching cubes: no normals start from them, and fewer would not show
    a thin plate's both sides apart.
    """
    reach_mm = max(clip.half_width_mm, SHOWN_MM) + BONE_MARGIN_MM
    near, near_grid = crop(temporal_p, grid, clip.centre_mm, reach_mm)
    return backend.refine(iso_surface(near, near_grid, 0.5), None)


def _flags(nv_mm3: float, nv_voxel_mm3: float, watertight: bool) -> tuple[str, ...]:
    flags = []
    if not watertight:
        flags.append("a mesh is not watertight")
    apart, larger = abs(nv_mm3 - nv_voxel_mm3), max(nv_mm3, nv_voxel_mm3)
    if apart > DISAGREEMENT * larger:  # without NV itself, which an implausible joint does not have
        flags.append(f"NV by mesh and by voxels differ by {apart / larger:.1%}")
    return tuple(flags)
