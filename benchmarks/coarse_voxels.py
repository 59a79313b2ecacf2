"""How coarse a scan may be: heads binned to voxels of up to 4.5 mm against what they were.

    python -m benchmarks.coarse_voxels DATA [--heads A,B] [--write]

Each head of ``DATA/tmj`` is measured as it is and with its voxels binned. The check of the voxels'
size is lifted, so that figures of coarse scans can be held against those of the fine one; a joint
that another check calls implausible is counted and left out. *Held* is the share of the intervals
stated of the coarse scan that hold the figure of the fine one. The limit ``steps.limits.VOXEL`` was
chosen on it. --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.heads import labelled_but
from benchmarks.scan_changes import binned
from benchmarks.tables import markdown, write_table
from negvol_cli.io.image import Scan, read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import measure_ct
from negvol_cli.report import JointReport
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.joint_basis import figures_of
from negvol_cli.steps.limits import VOXEL
from negvol_cli.structures import Side

FINE: Final = labelled_but("medimodel", "sharp-base")
"""Medimodel's voxels are 2 mm long already; the field of view of sharp-base ends at the neck."""
BINS: Final = ((2, 2, 2), (3, 3, 2), (1, 1, 3), (4, 4, 2))
CLASSES_MM: Final = (2.0, 3.0, 4.5)
"""The longest edge of a voxel, rounded to 0.1 mm: up to so much, and more than the one before."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A joint in a fine and in a coarse scan, whose longest voxel edge is ``edge_mm``."""

    edge_mm: float
    fine: JointReport
    coarse: JointReport


def joints(scan: Scan, run: Run) -> dict[Side, JointReport]:
    """Both joints, whatever the size of the voxels."""
    found = {}
    for side, view in measure_ct(scan, (), run).views.items():
        if view.basis is not None:
            basis = replace(view.basis, excused=view.basis.excused | {VOXEL.name})
            found[side] = figures_of(basis, run.settings, run.backend)[0]
    return found


def pairs(data: Path, heads: list[str], run: Run) -> Iterator[Pair]:
    """Every joint that is measured in the fine scan, in every coarse one."""
    for head in heads:
        scan = read_scan(data / "tmj" / head / "ct.nii.gz")
        fine = joints(scan, run)
        for many in BINS:
            volume = binned(scan.volume, many)
            edge_mm = round(max(volume.grid.spacing_mm_xyz), 1)
            for side, joint in joints(replace(scan, volume=volume), run).items():
                if side in fine and fine[side].nv_mm3 is not None:
                    pair = Pair(edge_mm, fine[side], joint)
                    print(f"{head} {many} {side}: {off(pair)}", flush=True)
                    yield pair


def off(pair: Pair) -> tuple[float, float, float, float] | None:
    """NV's change in per cent with half its interval, and the superior space's, both in mm."""
    fine, coarse, halves = pair.fine, pair.coarse, pair.coarse.uncertainty
    spaces = fine.joint_space_mm, coarse.joint_space_mm
    if fine.nv_mm3 is None or coarse.nv_mm3 is None or halves is None or None in spaces:
        return None
    before, after = (space.superior for space in spaces if space is not None)
    half = halves.joint_space_mm.superior
    if before is None or after is None or half is None:
        return None
    change = 100 * (coarse.nv_mm3 / fine.nv_mm3 - 1)
    return change, 100 * halves.nv_mm3 / fine.nv_mm3, after - before, half


def table(found: list[Pair]) -> str:
    """A row for each class of voxels."""
    classes: dict[float, list[Pair]] = defaultdict(list)
    for pair in found:
        within = [limit for limit in CLASSES_MM if pair.edge_mm <= limit]
        if within:
            classes[within[0]].append(pair)
    lines = []
    for limit, least in zip(CLASSES_MM, (0.0, *CLASSES_MM), strict=False):
        measured = [values for pair in classes[limit] if (values := off(pair)) is not None]
        if not measured:
            continue
        nv, nv_half, space, half = np.array(measured).T
        lines.append(
            {
                "longest voxel edge, mm": f"over {least:g} to {limit:g}",
                "joints": len(classes[limit]),
                "implausible by another check": len(classes[limit]) - len(measured),
                "NV %: median, greatest size": _sizes(nv, 1),
                "held": f"{np.mean(np.abs(nv) <= nv_half):.0%}",
                "superior space mm: median, greatest size": _sizes(space, 2),
                "held ": f"{np.mean(np.abs(space) <= half):.0%}",
                "stated to, mm": f"± {np.median(half):.1f}",
            }
        )
    return markdown(lines)


def _sizes(values: np.ndarray, decimals: int) -> str:
    sizes = np.abs(values)
    return f"{np.median(sizes):.{decimals}f}, {sizes.max():.{decimals}f}"


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--heads", default=",".join(FINE), help="Comma-separated.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    settings = Settings()
    run = Run(settings=settings, backend=load_backend(), models=load_models(None, settings))
    text = table(list(pairs(arguments.data, arguments.heads.split(","), run)))
    print(f"\n{text}")
    if arguments.write:
        write_table("accuracy.md", "COARSE VOXELS", text)


if __name__ == "__main__":
    main()
