"""Whether it is told that a head moved while it was scanned, about the joints of real heads.

    python -m benchmarks.moved_head DATA [--figures] [--write]

Every annotated head of ``DATA/tmj``, as it is and moved in the plane by 0.5 to 3 mm from a slice on
that is drawn within 12 mm above or below its condyles, in a direction drawn at random. Given are
the greatest step of the head as it is (``steps/moved_head.py``), and in how many of the places the
movement is flagged; and of the planning CT of ``DATA/headneck`` as they are. ``--figures`` measures
two heads that moved above the right condyle's centre or 4 mm over it, and says by how much their
figures change. --write puts both into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from scipy import ndimage

from benchmarks.faulty_stacks import PLACES, heads, places
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import measure_ct
from negvol_cli.report import JointReport
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.moved_head import greatest_step, moved_head_flags
from negvol_cli.steps.slices_about import slices_about
from negvol_cli.structures import Side
from training.data.dataset import joint_centres

MOVED_MM: Final = (0.5, 1.0, 2.0, 3.0)
MEASURED: Final = ("fullhead", "visible-female")
"""Heads whose figures are compared: in slices of 1.5 and 1 mm."""
ABOVE_MM: Final = (0.0, 4.0)
WAYS: Final = ((1.0, 0.0), (0.0, 1.0))
FIGURES: Final = {"nv_mm3": "NV", "articular_nv_mm3": "articular NV"}


def moved(ct: Volume, first: int, x_mm: float, y_mm: float) -> Volume:
    """The scan of a head that lay elsewhere from axial slice ``first`` on."""
    right, back, _ = ct.grid.spacing_mm_xyz
    values = ct.values_zyx.astype(np.float32)
    shift = (0.0, y_mm / back, x_mm / right)
    values[first:] = ndimage.shift(values[first:], shift, order=1, mode="nearest")
    return replace(ct, values_zyx=np.rint(values).astype(ct.values_zyx.dtype))


def flagged(ct: Volume, centres_mm: list[Vector], by_mm: float) -> int:
    """In how many of ``PLACES`` a movement by ``by_mm`` is flagged."""
    rng = np.random.default_rng(round(10 * by_mm))
    found = 0
    for first in places(ct, centres_mm, rng):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        broken = moved(ct, first, by_mm * np.cos(angle), by_mm * np.sin(angle))
        found += bool(moved_head_flags(slices_about(broken, centres_mm)))
    return found


def told(folder: Path) -> Iterator[dict[str, str]]:
    """A row for each head, and one for the planning CT beside them."""
    for head, ct, joints in heads(folder):
        about = slices_about(ct, joints)
        step = about and greatest_step(about)
        cells = {
            "head": head,
            "slices, mm": f"{ct.grid.spacing_mm_xyz[2]:.2g}",
            "greatest step as it is, mm": f"{step.by_mm:.2f}" if step else "–",
            "flagged as it is": "yes" if moved_head_flags(about) else "no",
        }
        said = {f"{mm:g} mm": f"{flagged(ct, joints, mm)} of {PLACES}" for mm in MOVED_MM}
        yield cells | said
    yield still(folder.parent / "headneck")


def still(folder: Path) -> dict[str, str]:
    """A row for all planning CT, as they are."""
    steps, flags = [], []
    for scan, centres in joint_centres(folder).items():
        ct = in_hu(read_scan(folder / f"{scan}.nii.gz").volume).volume
        about = slices_about(ct, list(centres.values()))
        step = about and greatest_step(about)
        steps.append(step.by_mm if step else 0.0)
        flags.append(bool(moved_head_flags(about)))
    return {
        "head": f"{len(steps)} planning CT",
        "slices, mm": "–",
        "greatest step as it is, mm": f"{max(steps):.2f}",
        "flagged as it is": f"{sum(flags)}",
        **{f"{mm:g} mm": "–" for mm in MOVED_MM},
    }


def changed(folder: Path) -> Iterator[dict[str, str]]:
    """A row for each size of movement: by how much figures change, and how often that is said."""
    centres = joint_centres(folder)
    run = Run(settings=Settings(), backend=load_backend(), models=load_models(None, Settings()))
    scans = {head: read_scan(folder / head / "ct.nii.gz") for head in MEASURED}
    before = {head: measure_ct(scan, (), run).report for head, scan in scans.items()}
    for by_mm in MOVED_MM[1:]:
        off: dict[str, list[tuple[float, float]]] = {measure: [] for measure in FIGURES}
        said = []
        for head, above_mm, (x, y) in product(MEASURED, ABOVE_MM, WAYS):
            ct = scans[head].volume
            at = ct.grid.to_index(centres[head][Side.RIGHT])[2]
            first = round(at + above_mm / ct.grid.spacing_mm_xyz[2])
            volume = moved(ct, first, by_mm * x, by_mm * y)
            report = measure_ct(replace(scans[head], volume=volume), (), run).report
            said.append(any("seems to have moved" in flag for flag in report.flags))
            for joint, measure in product(report.joints, FIGURES):
                off[measure] += _off(joint, before[head].joint(joint.side), measure)
        cells = {"moved by, mm": f"{by_mm:g}", "told": f"{sum(said)} of {len(said)} scans"}
        for measure, name in FIGURES.items():
            sizes = np.abs([change for change, _ in off[measure]])
            held = sum(abs(change) <= half for change, half in off[measure])
            cells[f"{name} %: median, greatest"] = f"{np.median(sizes):.1f}, {sizes.max():.1f}"
            cells[f"{name} within ±"] = f"{held} of {len(sizes)}"
        yield cells


def _off(joint: JointReport, before: JointReport, measure: str) -> list[tuple[float, float]]:
    """Of a joint that is measured, the change of a figure and half its interval, per cent."""
    now, was = getattr(joint, measure), getattr(before, measure)
    if now is None or was is None or joint.uncertainty is None:
        return []
    return [(100 * (now / was - 1), 100 * getattr(joint.uncertainty, measure) / now)]


def main() -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--figures", action="store_true", help="Measure moved heads, too.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    given = parser.parse_args()
    folder = given.data / "tmj"
    tables = {"MOVED HEAD": told} | ({"MOVED FIGURES": changed} if given.figures else {})
    for name, make in tables.items():
        table = markdown(list(make(folder)))
        print(f"{table}\n", flush=True)
        if given.write:
            write_table("accuracy.md", name, table)


if __name__ == "__main__":
    main()
