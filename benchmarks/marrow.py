"""Whether condyles are solid, and no more than condyles: marrow left hollow, necks bridged.

    python -m benchmarks.marrow DATA --keep FOLDER [--headneck N] [--write]

All heads of ``tmj/`` and N of ``headneck/`` are segmented once, kept in FOLDER and measured. Two
volumes are printed of each joint, within 18 mm of the condylar head's centre. *Inside*: what is
neither bone in the condyle closed by 2 mm and filled in three planes, which any negative volume
inside a condyle is part of. *Bridged*: what was filled in as marrow beyond the networks' condyle,
treated alike, as the concavity in front of the neck would be. --write puts the table into
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.kept_joints import KeptJoint, keep, kept
from benchmarks.tables import markdown, write_table
from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Grid, Vector, crop
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import measure_segmented
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.joint_images import Floats, Mask
from negvol_cli.steps.reconstruct import without_hollows
from negvol_cli.structures import Label, Side

WITHIN_MM: Final = 18.0
CLOSED_MM: Final = 2.0
"""Twice what the self-check closes: marrow behind a gap of 4 mm is still inside."""


@dataclass(frozen=True, slots=True)
class Row:
    """One joint: its status, and both volumes in mm³; None where it could not be measured."""

    scan: str
    side: str
    status: str
    inside_mm3: float | None = None
    bridged_mm3: float | None = None


def filled(condyle: Mask, spacing_mm: float) -> tuple[Mask, Mask]:
    """A condyle [z, y, x] closed by 2 mm, and the same filled slice by slice in three planes."""
    near = ndimage.distance_transform_edt(~condyle, sampling=spacing_mm) <= CLOSED_MM
    closed = ndimage.distance_transform_edt(near, sampling=spacing_mm) > CLOSED_MM
    closed |= condyle
    whole = closed.copy()
    for axis in range(3):
        slices = [ndimage.binary_fill_holes(part) for part in np.moveaxis(closed, axis, 0)]
        whole |= np.moveaxis(np.stack(slices), 0, axis)
    return closed, whole


def volumes_mm3(
    labels_zyx: npt.NDArray[np.uint8], network_p: Floats, grid: Grid, centre_mm: Vector
) -> tuple[float, float]:
    """What is inside the condyle and not bone, and what was bridged beyond the networks' one."""
    reach = WITHIN_MM + 2 * CLOSED_MM
    solid_p = without_hollows(network_p, grid.spacing_mm_xyz[0])
    labels, part = crop(labels_zyx, grid, centre_mm, reach)
    own, solid = (crop(p >= 0.5, grid, centre_mm, reach)[0] for p in (network_p, solid_p))
    spacing = grid.spacing_mm_xyz[0]
    points = part.to_world(np.moveaxis(np.indices(labels.shape)[::-1], 0, -1))
    near = np.linalg.norm(points - centre_mm, axis=-1) <= WITHIN_MM
    closed, whole = filled(labels == Label.CONDYLE, spacing)
    inside = near & whole & ~closed & (labels != Label.TEMPORAL_BONE)
    bridged = near & solid & ~filled(own, spacing)[1]
    return float(inside.sum()) * grid.voxel_mm3, float(bridged.sum()) * grid.voxel_mm3


def row_of(scan: str, side: Side, joint: KeptJoint | None, run: Run) -> Row:
    """One joint, from what the networks gave of it."""
    if joint is None:
        return Row(scan, str(side), "not found")
    try:
        report, view = measure_segmented(joint.network, joint.found, joint.ct, joint.scanner, run)
    except (NegvolError, ValueError, IndexError, ArithmeticError, RuntimeError) as err:
        return Row(scan, str(side), f"not measured: {err}")
    geometry = view.geometry
    network_p, grid = joint.network.condyle_p, geometry.frame.local_grid
    found = volumes_mm3(geometry.labels_zyx, network_p, grid, geometry.head_centre_mm)
    return Row(scan, str(side), str(report.status), *found)


def scans(data: Path, many: int) -> Iterator[tuple[str, Path]]:
    """Name and file of every head of ``tmj/`` and of ``many`` evenly chosen of ``headneck/``."""
    for path in sorted((data / "tmj").glob("*/ct.nii.gz")):
        yield path.parent.name, path
    others = sorted((data / "headneck").glob("*.nii.gz"))
    for index in np.linspace(0, len(others) - 1, min(many, len(others))).astype(int):
        yield others[index].name.removesuffix(".nii.gz"), others[index]


def measured(data: Path, many: int, folder: Path) -> Iterator[Row]:
    """Every joint, its networks' output kept in ``folder``."""
    settings = Settings()
    run = Run(settings=settings, backend=load_backend(), models=load_models(None, settings))
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in scans(data, many):
        files = {side: folder / f"{name}-{side}.npz" for side in Side}
        if not all(file.exists() for file in files.values()):
            keep(name, read_scan(path).volume, run, folder)
        for side, file in files.items():
            yield row_of(name, side, kept(file), run)


def table(rows: list[Row]) -> str:
    """A line for each scan: both joints' status and volumes."""
    lines = []
    for scan in dict.fromkeys(row.scan for row in rows):
        line = {"scan": scan}
        for row in (row for row in rows if row.scan == scan):
            line[row.side] = row.status
            for name, value in (("inside", row.inside_mm3), ("bridged", row.bridged_mm3)):
                line[f"{row.side} {name}, mm³"] = "–" if value is None else f"{value:.1f}"
        lines.append(line)
    return markdown(lines)


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="Folder of segmented joints.")
    parser.add_argument("--headneck", type=int, default=20, help="How many planning CT.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    rows = []
    for row in measured(arguments.data, arguments.headneck, arguments.keep):
        rows.append(row)
        print(row, flush=True)
    text = table(rows)
    print(f"\n{text}")
    if arguments.write:
        write_table("accuracy.md", "MARROW", text)


if __name__ == "__main__":
    main()
