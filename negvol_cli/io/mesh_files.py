"""Meshes as files in the world of the scan (LPS mm): PLY with colour and a scalar, and STL.

Neither format has a place for units or axes. 3D Slicer looks for ``SPACE=LPS`` in the comments of
a PLY and in the header of an STL (vtkMRMLModelStorageNode); MeshLab takes a vertex property called
``quality`` as its scalar, and drops all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.colours import rgb
from negvol_cli.errors import InputError, OutputError
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side

if TYPE_CHECKING:
    import trimesh

STL_HEADER_BYTES: Final = 80
JOINT_SPACE: Final = "joint_space_mm"
THICKNESS: Final = "thickness_mm"
SHOWN_BY_MESHLAB: Final = "quality"


def world_mesh(mesh: Mesh, frame: JointFrame) -> Mesh:
    """A mesh in frame mm turned into LPS mm, still wound outward though the right is mirrored."""
    triangles = mesh.triangles[:, ::-1] if frame.side is Side.RIGHT else mesh.triangles
    return Mesh(frame.to_world(mesh.points_mm), np.ascontiguousarray(triangles))


def write_ply(
    mesh: Mesh,
    frame: JointFrame,
    path: Path,
    *,
    colour: str,
    joint_space_mm: npt.NDArray[np.float64] | None = None,
    thickness_mm: npt.NDArray[np.float64] | None = None,
) -> None:
    """Write a mesh in frame mm as binary PLY in LPS mm, every vertex of one ``colour`` (#RRGGBB).

    ``joint_space_mm`` or ``thickness_mm`` (V,) becomes a property of the vertices, and their
    quality; NaN says that the normal does not end on bone, or that the thickness is not known.
    Raises ``OutputError`` where the file cannot be written.
    """
    world = world_mesh(mesh, frame)
    if joint_space_mm is not None:
        scalars, unknown = {JOINT_SPACE: joint_space_mm}, "no bone is met"
    else:
        scalars = {} if thickness_mm is None else {THICKNESS: thickness_mm}
        unknown = "it is not known"
    write_world_ply(world, path, colour=colour, scalars=scalars, unknown=unknown)


def write_world_ply(
    mesh: Mesh,
    path: Path,
    *,
    colour: str,
    scalars: Mapping[str, npt.NDArray[np.float64]] | None = None,
    unknown: str = "",
) -> None:
    """Write a mesh in LPS mm as binary PLY, every vertex of one ``colour`` (#RRGGBB).

    ``scalars`` (V,) become properties of the vertices, the first of them their quality too; a
    comment says that NaN means ``unknown``. Raises ``OutputError`` where it cannot be written.
    """
    from trimesh.exchange.ply import export_ply

    body = _coloured(mesh, colour)
    comments = ["SPACE=LPS", "units mm", RESEARCH_USE]
    for number, (name, values) in enumerate((scalars or {}).items()):
        body.vertex_attributes[name] = values.astype(np.float32)
        if number == 0:
            body.vertex_attributes[SHOWN_BY_MESHLAB] = values.astype(np.float32)
            comments.append(f"{SHOWN_BY_MESHLAB} is {name}; nan where {unknown}")
    header, end, data = export_ply(body, encoding="binary").partition(b"end_header\n")
    lines = [line for line in header.splitlines() if not line.startswith(b"comment")]
    lines[2:2] = [f"comment {comment}".encode() for comment in comments]
    _write(path, b"\n".join(lines) + b"\n" + end + data)


def read_ply(path: Path) -> tuple[Mesh, dict[str, npt.NDArray[np.float64]]]:
    """Read a PLY that ``write_ply`` wrote: the mesh in LPS mm, and the scalars of its vertices.

    Raises
    ------
    InputError
        The file cannot be read, or is not such a PLY.
    """
    from trimesh.exchange.ply import load_ply

    try:
        with path.open("rb") as file:
            loaded = load_ply(file)
        points = np.asarray(loaded["vertices"], dtype=np.float64)
        mesh = Mesh(points, np.asarray(loaded["faces"], dtype=np.int32))
        columns = loaded["metadata"]["_ply_raw"]["vertex"]["data"]
        scalars = {
            name: np.asarray(columns[name], dtype=np.float64)
            for name in columns.dtype.names
            if name not in ("x", "y", "z", "red", "green", "blue", "alpha")
        }
    except OSError as err:
        raise InputError(f"cannot read {path} ({err.strerror}): check the path") from err
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as err:
        raise InputError(f"{path} is not a mesh of negvol ({err}): measure the scan again") from err
    return mesh, scalars


def write_stl(mesh: Mesh, frame: JointFrame, path: Path) -> None:
    """Write a mesh in frame mm as binary STL in LPS mm, for planning software.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    from trimesh.exchange.stl import export_stl

    data = export_stl(_trimesh(mesh, frame))
    header = f"SPACE=LPS, mm. {RESEARCH_USE}".encode()[:STL_HEADER_BYTES].ljust(STL_HEADER_BYTES)
    _write(path, header + data[STL_HEADER_BYTES:])


def _trimesh(mesh: Mesh, frame: JointFrame, colour: str = "#000000") -> trimesh.Trimesh:
    return _coloured(world_mesh(mesh, frame), colour)


def _coloured(world: Mesh, colour: str) -> trimesh.Trimesh:
    import trimesh

    colours = np.tile(np.array([*rgb(colour), 255], dtype=np.uint8), (len(world.points_mm), 1))
    return trimesh.Trimesh(world.points_mm, world.triangles, vertex_colors=colours, process=False)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as err:
        raise OutputError(f"cannot write {path}: {err.strerror}; choose another folder") from err
