"""The meshes of a result, as files for 3D programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from negvol_cli import colours
from negvol_cli.io.mesh_files import write_ply, write_stl
from negvol_cli.mesh.simplify import simplified
from negvol_cli.report import ScanReport
from negvol_cli.settings import MeshFiles
from negvol_cli.steps.joint_view import JointView
from negvol_cli.structures import Side

BONE_TRIANGLES: Final = 10_000
INFLATED_TRIANGLES: Final = 7_000
"""The volumes enclosed change by less than 0.1 % (tests/mesh/test_simplify.py)."""


def lighter(view: JointView) -> JointView:
    """The joint with fewer triangles for the temporal bone and the inflated condyle, for files.

    The condyle stays as it was measured.
    """
    geometry = view.geometry
    bone = simplified(geometry.temporal_bone, BONE_TRIANGLES)
    inflated = simplified(geometry.inflated, INFLATED_TRIANGLES)
    return replace(view, geometry=replace(geometry, temporal_bone=bone, inflated=inflated))


def write_meshes(
    report: ScanReport, views: Mapping[Side, JointView], folder: Path, which: MeshFiles
) -> None:
    """Write ``SIDE_STRUCTURE.ply`` and, where asked for, ``.stl`` into a new folder.

    Only what was found and measured is there. Raises OutputError where a file cannot be written.
    """
    if which is MeshFiles.NONE:
        return
    folder.mkdir()
    for side, view in views.items():
        geometry, frame = view.geometry, view.geometry.frame
        write = partial(write_ply, frame=frame)
        meshes = {"condyle": geometry.condyle, "temporal_bone": geometry.temporal_bone}
        if report.joint(side).nv_mm3 is not None:
            meshes["inflated"] = geometry.inflated
        for name, mesh in meshes.items():
            if mesh.is_empty:
                continue
            path = folder / f"{side}_{name}.ply"
            if name == "condyle":
                space = geometry.joint_space_mm
                write(mesh, path=path, colour=colours.CONDYLE, joint_space_mm=space)
            elif name == "temporal_bone":
                thick = view.bone_thickness_on(mesh)
                write(mesh, path=path, colour=colours.TEMPORAL_BONE_SOLID, thickness_mm=thick)
            else:
                write(mesh, path=path, colour=colours.NEGATIVE_VOLUME)
            if which is MeshFiles.PLY_AND_STL:
                write_stl(mesh, frame, path.with_suffix(".stl"))
