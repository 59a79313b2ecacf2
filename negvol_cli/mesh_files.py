"""Meshes as files in the world of the scan (LPS mm): PLY with joint space, and STL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.config import RESEARCH_USE, Side
from negvol_cli.errors import OutputError
from negvol_cli.mesh import Mesh
from negvol_cli.preprocess import JointFrame

if TYPE_CHECKING:
    import trimesh

STL_HEADER_BYTES: Final = 80
JOINT_SPACE: Final = "joint_space_mm"


def world_mesh(mesh: Mesh, frame: JointFrame) -> Mesh:
    """A mesh in frame mm turned into LPS mm, still wound outward though the right is mirrored."""
    triangles = mesh.triangles[:, ::-1] if frame.side is Side.RIGHT else mesh.triangles
    return Mesh(frame.to_world(mesh.points_mm), np.ascontiguousarray(triangles))


def write_ply(
    mesh: Mesh,
    frame: JointFrame,
    path: Path,
    *,
    joint_space_mm: npt.NDArray[np.float64] | None = None,
) -> None:
    """Write a mesh in frame mm as binary PLY in LPS mm.

    ``joint_space_mm`` (V,) becomes a property of the vertices; NaN says that the normal does
    not end on bone. Raises ``OutputError`` where the file cannot be written.
    """
    from trimesh.exchange.ply import export_ply

    body = _trimesh(mesh, frame)
    if joint_space_mm is not None:
        body.vertex_attributes[JOINT_SPACE] = joint_space_mm.astype(np.float32)
    header, end, data = export_ply(body, encoding="binary").partition(b"end_header\n")
    lines = [line for line in header.splitlines() if not line.startswith(b"comment")]
    lines.insert(2, f"comment LPS mm. {RESEARCH_USE}".encode())
    _write(path, b"\n".join(lines) + b"\n" + end + data)


def write_stl(mesh: Mesh, frame: JointFrame, path: Path) -> None:
    """Write a mesh in frame mm as binary STL in LPS mm, for planning software.

    Raises ``OutputError`` where the file cannot be written.
    """
    from trimesh.exchange.stl import export_stl

    data = export_stl(_trimesh(mesh, frame))
    header = f"LPS mm. {RESEARCH_USE}".encode()[:STL_HEADER_BYTES].ljust(STL_HEADER_BYTES)
    _write(path, header + data[STL_HEADER_BYTES:])


def _trimesh(mesh: Mesh, frame: JointFrame) -> trimesh.Trimesh:
    import trimesh

    world = world_mesh(mesh, frame)
    return trimesh.Trimesh(world.points_mm, world.triangles, process=False)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as err:
        raise OutputError(f"cannot write {path}: {err.strerror}; choose another folder") from err
