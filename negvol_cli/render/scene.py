"""scene.glb: both joints as one glTF scene for Blender or any 3D viewer.

glTF is in metres with +y up and +z to the front (Khronos, glTF 2.0, section 3.4), so a node
above all meshes rotates and scales LPS mm; the meshes themselves stay in LPS mm. A scene of plain
meshes is a tree of JSON and arrays, which is written here: trimesh, which could, takes longer to
load than that.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import OutputError
from negvol_cli.geometry.grid import Points
from negvol_cli.io.mesh_files import world_mesh
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.render import palette
from negvol_cli.render.decimate import decimate
from negvol_cli.report import ScanReport
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

TRIANGLES_PER_MESH: Final = 5_000
ROOT: Final = "negvol"
PATIENT: Final = "patient, LPS mm"

GLTF_FROM_LPS_MM: Final = 0.001 * np.array(
    [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1000.0]]
)


_FLOAT, _USHORT, _UINT = 5126, 5123, 5125  # component types, by their numbers in OpenGL
_VERTICES, _CORNERS = 34962, 34963  # what a buffer view is for, likewise


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
    glb = _Glb()
    for side, view in views.items():
        nv = report.joint(side).nv_mm3 is not None
        for look, mesh in _structures(view, nv):
            if not mesh.is_empty:
                glb.add(f"{side} {look.name}", look, *_tidied(mesh, view))
    data = glb.packed()
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


def _tidied(mesh: Mesh, view: JointView) -> tuple[Mesh, Points]:
    """A mesh small enough for the scene, in LPS mm, with unit normals (V, 3)."""
    fewer, _ = decimate(mesh, np.zeros(len(mesh.points_mm)), TRIANGLES_PER_MESH)
    used, triangles = np.unique(fewer.triangles, return_inverse=True)
    tidy = Mesh(fewer.points_mm[used], triangles.reshape(-1, 3).astype(np.int32))
    world = world_mesh(tidy, view.geometry.frame)
    normals = world.vertex_normals().copy()
    normals[~normals.any(axis=1)] = (0.0, 0.0, 1.0)  # glTF wants length 1, even of a folded leaf
    return world, normals


class _Glb:
    """A binary glTF 2.0 file of named meshes, while it grows (Khronos, glTF 2.0, section 4)."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []
        self._meshes: list[dict[str, Any]] = []
        self._materials: dict[str, dict[str, Any]] = {}

    def add(self, name: str, look: Look, mesh: Mesh, normals: Points) -> None:
        """A mesh in LPS mm with a normal for each vertex."""
        corner = np.uint16 if len(mesh.points_mm) < np.iinfo(np.uint16).max else np.uint32
        points = mesh.points_mm.astype("<f4")
        position = self._accessor(points, _FLOAT, "VEC3", _VERTICES)
        ends = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
        self._accessors[position] |= ends
        normal = self._accessor(normals.astype("<f4"), _FLOAT, "VEC3", _VERTICES)
        corners = mesh.triangles.astype(np.dtype(corner).newbyteorder("<")).reshape(-1, 1)
        kind = _USHORT if corner is np.uint16 else _UINT
        self._materials.setdefault(look.name, _material(look))
        primitive = {
            "attributes": {"POSITION": position, "NORMAL": normal},
            "indices": self._accessor(corners, kind, "SCALAR", _CORNERS),
            "material": list(self._materials).index(look.name),
        }
        self._meshes.append({"name": name, "primitives": [primitive]})

    def packed(self) -> bytes:
        """The whole file."""
        below = range(2, 2 + len(self._meshes))
        matrix = GLTF_FROM_LPS_MM.T.ravel().tolist()  # by columns
        tree = {
            "asset": {"version": "2.0", "generator": "negvol", "extras": {"use": RESEARCH_USE}},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [
                {"name": ROOT, "children": [1]},
                {"name": PATIENT, "matrix": matrix, "children": list(below)},
                *({"name": mesh["name"], "mesh": n} for n, mesh in enumerate(self._meshes)),
            ],
            "meshes": self._meshes,
            "materials": list(self._materials.values()),
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._bytes)}],
        }
        text = json.dumps({key: value for key, value in tree.items() if value}).encode()
        chunks = ((b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", bytes(self._bytes)))
        body = b"".join(struct.pack("<I", len(data)) + kind + data for kind, data in chunks)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body

    def _accessor(self, values: npt.NDArray[Any], component: int, kind: str, target: int) -> int:
        """The number of an accessor to values (N, C), which begin at a multiple of four bytes."""
        data = values.tobytes()
        view = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": len(data)}
        self._views.append({**view, "target": target})
        self._bytes += data + b"\0" * (-len(data) % 4)
        number = len(self._accessors)
        described = {"bufferView": number, "componentType": component, "type": kind}
        self._accessors.append({**described, "count": len(values)})
        return number


def _material(look: Look) -> dict[str, Any]:
    return {
        "name": look.name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*_linear(look.colour), look.opacity],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.7,
        },
        "alphaMode": "OPAQUE" if look.opacity == 1.0 else "BLEND",
        "doubleSided": True,
    }


def _linear(colour: str) -> list[float]:
    """Red, green and blue, 0 to 1, in light instead of sRGB's steps, as glTF's factors are."""
    srgb = np.array(palette.rgb(colour)) / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return [float(value) for value in linear]
