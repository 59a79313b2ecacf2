"""Closed STL contours, as annotators deliver them, as voxels of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import trimesh

from negvol_cli.geometry.grid import Grid
from training.config import ConfigError

AXES: Final = ("LPS", "RAS")
"""What the x and y of a contour's file may run to; RAS is turned to LPS by two signs."""

_BESIDE: Final = 1e-4  # voxels by which sections avoid the corners of a mesh drawn on the grid


def read_contour(path: Path, axes: str) -> trimesh.Trimesh:
    """The surface in an STL file, in LPS mm, its corners joined. Raises ConfigError."""
    if axes not in AXES:
        raise ConfigError(f"contour_axes must be 'LPS' or 'RAS', got {axes!r}")
    try:
        with path.open("rb") as file:
            mesh = trimesh.load_mesh(file, file_type="stl")
    except (OSError, ValueError) as err:
        raise ConfigError(f"cannot read {path} as an STL file: {err}") from err
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise ConfigError(f"{path} holds no surface")
    mesh.merge_vertices()
    if axes == "RAS":
        mesh.apply_transform(np.diag([-1.0, -1.0, 1.0, 1.0]))
    return mesh


def voxelise(mesh: trimesh.Trimesh, grid: Grid) -> npt.NDArray[np.bool_]:
    """Which voxel centres of ``grid`` lie inside a closed surface in LPS mm, [z, y, x].

    The surface is cut at every slice of the grid, and each row of the slice is filled between its
    crossings with the cuts (even-odd), so that holes and several pieces come out right.
    """
    cut = trimesh.Trimesh(grid.to_index(mesh.vertices), mesh.faces, process=False)
    depth, height, width = grid.shape_zyx
    inside = np.zeros(grid.shape_zyx, dtype=bool)
    low, high = cut.bounds[:, 2]
    for k in range(max(0, int(np.ceil(low))), min(depth, int(np.floor(high)) + 1)):
        segments = trimesh.intersections.mesh_plane(cut, [0, 0, 1], [0, 0, k + _BESIDE])
        inside[k] = _filled(np.asarray(segments)[..., :2], height, width)
    return inside


def _filled(segments: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width): the pixels enclosed by segments (N, 2, 2) of x and y in pixels."""
    crossings = np.zeros((height, width + 1), dtype=np.int32)
    order = np.argsort(segments[..., 1], axis=1)[..., None]
    (x0, y0), (x1, y1) = np.moveaxis(np.take_along_axis(segments, order, axis=1), (1, 2), (0, 1))
    first = np.clip(np.ceil(y0 - _BESIDE), 0, height).astype(int)
    many = np.clip(np.ceil(y1 - _BESIDE), 0, height).astype(int) - first
    which = np.repeat(np.arange(len(segments)), many)
    row = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many) + first[which]
    share = (row + _BESIDE - y0[which]) / (y1 - y0)[which]
    x = x0[which] + share * (x1 - x0)[which]
    np.add.at(crossings, (row, np.clip(np.ceil(x), 0, width).astype(int)), 1)
    return np.asarray(np.cumsum(crossings[:, :width], axis=1) % 2 == 1)
