"""scene.glb: both joints as one glTF scene for Blender or any 3D viewer.

glTF is in metres with +y up and +z to the front (Khronos, glTF 2.0, section 3.4), so a node
above all meshes rotates and scales LPS mm; the meshes themselves stay in LPS mm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import trimesh
from trimesh.visual.material import PBRMaterial

from negvol_cli.errors import OutputError
from negvol_cli.io.mesh_files import world_mesh
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render import palette
from negvol_cli.render.decimate import decimate
from negvol_cli.report import ScanReport
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

TRIANGLES_PER_MESH: Final = 14_000
ROOT: Final = "negvol"
PATIENT: Final = "patient, LPS mm"

GLTF_FROM_LPS_MM: Final = 0.001 * np.array(
    [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1000.0]]
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a structure is painted: ``colour`` is #RRGGBB, ``opacity`` 0 to 1."""

    name: str
    colour: str
    opacity: float


CONDYLE: Final = Look("condyle", palette.CONDYLE, 1.0)
TEMPORAL_BONE: Final = Look("temporal bone", palette.TEMPORAL_BONE_SOLID, 0.35)
NEGATIVE_VOLUME: Final = Look("negative volume", palette.NEGATIVE_VOLUME, 0.45)


def write_scene(report: ScanReport, views: Mapping[Side, JointView], path: Path) -> None:
    """Write scene.glb, with a named node for each structure of each measured joint.

    The negative volume is the space between the condyle and the surface of that name; it is there
    if it was measured.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    scene = trimesh.Scene(base_frame=ROOT)
    scene.graph.update(frame_from=ROOT, frame_to=PATIENT, matrix=GLTF_FROM_LPS_MM)
    for side, view in views.items():
        nv = report.joint(side).nv_mm3 is not None
        for look, mesh in _structures(view, nv):
            if not mesh.is_empty:
                name = f"{side} {look.name}"
                scene.add_geometry(
                    _painted(mesh, view, look),
                    node_name=name,
                    geom_name=name,
                    parent_node_name=PATIENT,
                )
    data = scene.export(file_type="glb", include_normals=True, tree_postprocessor=_inscribe)
    try:
        path.write_bytes(data)
    except OSError as err:
        raise OutputError(
            f"cannot write {path} ({err.strerror}): choose another output folder"
        ) from err


def _structures(view: JointView, nv: bool) -> Iterator[tuple[Look, Mesh]]:
    yield CONDYLE, view.geometry.condyle
    yield TEMPORAL_BONE, view.geometry.temporal_bone
    if nv:
        yield NEGATIVE_VOLUME, view.geometry.inflated


def _painted(mesh: Mesh, view: JointView, look: Look) -> trimesh.Trimesh:
    fewer, _ = decimate(mesh, np.zeros(len(mesh.points_mm)), TRIANGLES_PER_MESH)
    used, triangles = np.unique(fewer.triangles, return_inverse=True)
    tidy = Mesh(fewer.points_mm[used], triangles.reshape(-1, 3).astype(np.int32))
    world = world_mesh(tidy, view.geometry.frame)
    normals = world.vertex_normals()
    normals[~normals.any(axis=1)] = (0.0, 0.0, 1.0)  # glTF wants length 1, even of a folded leaf
    body = trimesh.Trimesh(world.points_mm, world.triangles, vertex_normals=normals, process=False)
    body.visual = trimesh.visual.TextureVisuals(
        material=PBRMaterial(
            name=look.name,
            baseColorFactor=[*_linear(look.colour), look.opacity],
            metallicFactor=0.0,
            roughnessFactor=0.7,
            alphaMode="OPAQUE" if look.opacity == 1.0 else "BLEND",
            doubleSided=True,
        )
    )
    return body


def _linear(colour: str) -> list[float]:
    """Red, green and blue, 0 to 1, in light instead of sRGB's steps, as glTF's factors are."""
    srgb = np.array(palette.rgb(colour)) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [float(value) for value in linear]


def _inscribe(tree: dict[str, Any]) -> None:
    tree["asset"]["extras"] = {"use": RESEARCH_USE}
