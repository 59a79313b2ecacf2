"""Meshes as files in the world of the scan (LPS mm): PLY with colour and a scalar, and STL.

Neither format has a place for units or axes. 3D Slicer looks for ``SPACE=LPS`` in the comments of
a PLY and in the header of an STL (vtkMRMLModelStorageNode); MeshLab takes a vertex property called
``quality`` as its scalar, and drops all others. Both are arrays of records after a header, which
NumPy writes; a mesh library takes longer to load than all of them to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.colours import rgb
from negvol_cli.errors import InputError, OutputError
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Side

STL_HEADER_BYTES: Final = 80
JOINT_SPACE: Final = "joint_space_mm"
THICKNESS: Final = "thickness_mm"
SHOWN_BY_MESHLAB: Final = "quality"

_COLOURS: Final = ("red", "green", "blue")


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
    notes: Sequence[str] = (),
) -> None:
    """Write a mesh in LPS mm as binary PLY, every vertex of one ``colour`` (#RRGGBB).

    ``scalars`` (V,) become properties of the vertices, the first of them their quality too; a
    comment says that NaN means ``unknown``. ``notes`` are further comments. Raises ``OutputError``
    where it cannot be written.
    """
    comments = ["SPACE=LPS", "units mm", RESEARCH_USE]
    columns = dict(scalars or {})
    for name, values in list(columns.items())[:1]:
        columns[SHOWN_BY_MESHLAB] = values
        comments.append(f"{SHOWN_BY_MESHLAB} is {name}; nan where {unknown}")
    comments += notes
    vertices = _columns(
        {
            **dict(zip("xyz", mesh.points_mm.T, strict=True)),
            **{name: np.uint8(level) for name, level in zip(_COLOURS, rgb(colour), strict=True)},
            **columns,
        },
        len(mesh.points_mm),
    )
    short = len(vertices) <= np.iinfo(np.int16).max  # MeshLab reads no unsigned short
    faces = np.empty(
        len(mesh.triangles), dtype=[("count", "u1"), ("corner", "<i2" if short else "<i4", 3)]
    )
    faces["count"], faces["corner"] = 3, mesh.triangles
    header = _ply_header(comments, vertices, len(faces), "short" if short else "int")
    _write(path, header + vertices.tobytes() + faces.tobytes())


def _ply_header(
    comments: Sequence[str], vertices: npt.NDArray[Any], faces: int, corner: str
) -> bytes:
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment {comment}" for comment in comments),
        f"element vertex {len(vertices)}",
        *(
            f"property {'uchar' if name in _COLOURS else 'float'} {name}"
            for name in vertices.dtype.names or ()
        ),
        f"element face {faces}",
        f"property list uchar {corner} vertex_indices",
        "end_header\n",
    ]
    return "\n".join(lines).encode("ascii")


def _columns(values: Mapping[str, npt.NDArray[Any] | np.uint8], count: int) -> npt.NDArray[Any]:
    """(V,) records with a field for each of ``values``: bytes for colours, else float32."""
    kinds = [(name, "u1" if name in _COLOURS else "<f4") for name in values]
    records = np.empty(count, dtype=kinds)
    for name, column in values.items():
        records[name] = column
    return records


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
    world = world_mesh(mesh, frame)
    triangles = np.zeros(
        len(world.triangles), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("", "<u2")]
    )
    triangles["normal"] = world.triangle_normals()
    triangles["corners"] = world.points_mm[world.triangles]
    header = f"SPACE=LPS, mm. {RESEARCH_USE}".encode()[:STL_HEADER_BYTES].ljust(STL_HEADER_BYTES)
    _write(path, header + np.uint32(len(triangles)).tobytes() + triangles.tobytes())


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as err:
        raise OutputError(f"cannot write {path}: {err.strerror}; choose another folder") from err
