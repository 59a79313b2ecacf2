"""Whether edges stay where they are in kernels that sharpen, and where no kernel is seen wrongly.

    python -m benchmarks.kernels DATA [--phantoms N] [--write]

The two sharpest heads of ``DATA/tmj`` as they are, in slices of 1.25 mm, and so through kernels
that sharpen by several shares and with rings of several widths; then N phantoms (4) in voxels of
0.4 mm with a blur of 0.3 mm, as they are and sharpened; then the other heads as they are. Given is
by how much condyles' lines are better explained by a step of narrower blur and by one of overshoot
(``steps.edge_usual.FAR_BETTER`` is what it takes), which kernel was then told, and what became of
NV and the superior space: in real heads against the scan as it is, in phantoms against the truth.
--write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.degraded_scans import SHARPEST
from benchmarks.heads import HEADS
from benchmarks.phantom_cases import UNCUT_HU, Phantom, cases
from benchmarks.repeated_runs import Found, figure, run_of, settings_for
from benchmarks.scan_changes import Change, Slices, in_slabs, sharpened, whole
from benchmarks.tables import markdown, write_table
from benchmarks.topology import measure_topology
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import read_scan
from negvol_cli.phantom import Machine, PhantomTruth
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps import joint_lines, refine_edges
from negvol_cli.steps.edge_usual import USUAL, Kernel
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Side

MASKS: Final = ((0.4, 0.8), (0.7, 0.8), (1.0, 0.8), (1.0, 0.5), (0.5, 1.2))
"""Overshoot, and the ring's standard deviation, mm."""
FINE: Final = Slices(1.25, 1.25)
PHANTOM_MASKS: Final = (0.0, 0.4, 0.7, 1.0)
BLUR_MM, NOISE_HU = 0.3, 20.0
Row = dict[str, str]
Off = tuple[float | None, float | None]
"""How far off a joint's NV is, per cent, and its superior space, mm; None where there is none."""


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--phantoms", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    models = load_models(None, Settings())
    rows = []
    for row in chain(
        real_rows(arguments.data, models),
        phantom_rows(arguments.phantoms),
        other_rows(arguments.data, models),
    ):
        print(row, flush=True)
        rows.append(row)
    table = markdown(rows)
    print(f"\n{table}")
    if arguments.write:
        write_table("accuracy.md", "KERNELS", table)


@dataclass
class Told:
    """What was asked of the lines of joints, and the kernels that they told."""

    better: list[float] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Keep what ``joint_lines`` finds in the block."""
        asked, told = joint_lines.better_by, joint_lines.told_kernel

        def better_by(*costs: npt.NDArray[np.float64]) -> float:
            self.better.append(asked(*costs))
            return self.better[-1]

        def told_kernel(*of: Any) -> Kernel:
            before = len(self.better)
            self.kernels.append(told(*of))
            self.better += [np.nan] * (before + 2 - len(self.better))
            return self.kernels[-1]

        with (
            patch.object(joint_lines, "better_by", better_by),
            patch.object(refine_edges, "told_kernel", told_kernel),
        ):
            yield

    def cells(self) -> Row:
        """The cells of a row."""
        narrower, sharpening = self.better[::2], self.better[1::2]
        return {
            "better by a narrower blur": _each(f"{v:+.1f}" for v in narrower),
            "by an overshoot": _each("–" if np.isnan(v) else f"{v:+.1f}" for v in sharpening),
            "kernel told": _each(map(_words, self.kernels)),
        }


def _each(cells: Iterable[str]) -> str:
    return ", ".join(cells)


def _words(kernel: Kernel) -> str:
    if kernel == USUAL:
        return "as read"
    if kernel.overshoot:
        return f"overshoot {kernel.overshoot:.2f}"
    return f"blur × {kernel.width:.2f}"


def real_rows(data: Path, models: Models) -> Iterator[Row]:
    """The sharpest heads, as they are and sharpened."""
    changes: dict[str, Change] = {
        "as it is": lambda volume: volume,
        "slices of 1.25 mm": partial(in_slabs, slices=FINE),
    }
    for overshoot, ring_mm in MASKS:
        name = f"overshoot {overshoot:g}, ring {ring_mm:g} mm"
        changes[name] = partial(_masked, overshoot=overshoot, ring_mm=ring_mm)
    for head in SHARPEST:
        scan = read_scan(data / "tmj" / head / "ct.nii.gz")
        plain: Found | None = None
        for name, change in changes.items():
            told = Told()
            with told.listen():
                found = run_of(replace(scan, volume=change(scan.volume)), models, one(head))
            plain = plain or found
            yield {"scan": f"{head}, {name}", **told.cells(), **_against(plain, found)}


def _masked(volume: Volume, overshoot: float, ring_mm: float) -> Volume:
    return in_slabs(Volume(sharpened(volume, overshoot, ring_mm), volume.grid), FINE)


def one(head: str) -> Settings:
    """The head's settings, its joints one after the other."""
    return replace(settings_for(head), threads=1)


def _against(plain: Found, found: Found) -> Row:
    """By how much NV and the superior space changed, of joints that are ok in both."""
    off: dict[Side, Off] = {}
    for side in Side:
        a, b = (figure(run, side, "nv_mm3") for run in (plain, found))
        near, far = (figure(run, side, "superior") for run in (plain, found))
        off[side] = (
            None if a is None or b is None else 100 * (b / a - 1),
            None if near is None or far is None else far - near,
        )
    return _in_words(off)


def _in_words(off: Mapping[Side, Off]) -> Row:
    """The cells of a row, the right joint before the left."""
    both = [off[side] for side in (Side.RIGHT, Side.LEFT)]
    return {
        "NV %": _each("–" if nv is None else f"{nv:+.1f}" for nv, _ in both),
        "superior space mm": _each("–" if mm is None else f"{mm:+.2f}" for _, mm in both),
    }


def phantom_rows(phantoms: int) -> Iterator[Row]:
    """Phantoms whose outlines are wrong, against the truth."""
    for case in cases(phantoms, ["0.4"]):
        phantom = Phantom(case.head)
        machine = Machine(blur_mm=BLUR_MM, noise_hu=NOISE_HU, limits_hu=UNCUT_HU)
        scan = phantom.scan(replace(case, machine=machine))
        for overshoot in PHANTOM_MASKS:
            seen = whole(sharpened(scan, overshoot), scan.grid)
            told, off = Told(), {}
            for side in (Side.RIGHT, Side.LEFT):
                with told.listen():
                    shape, _ = measure_topology(
                        phantom.topology(side), phantom.frame(side), seen, Settings()
                    )
                off[side] = _off(shape, phantom.truth(side))
            name = f"phantom {case.head}, overshoot {overshoot:g}"
            yield {"scan": name, **told.cells(), **_in_words(off)}


def _off(shape: JointGeometry, truth: PhantomTruth) -> Off:
    """Measured against true: NV, per cent, and the superior space, mm."""
    measured, true = (
        getattr(space, "superior", None) for space in (shape.joint_space, truth.joint_space_mm)
    )
    space = None if measured is None or true is None else measured - true
    return 100 * (shape.nv_mm3 / truth.nv_mm3 - 1), space


def other_rows(data: Path, models: Models) -> Iterator[Row]:
    """The other heads as they are."""
    for head in HEADS:
        if head in SHARPEST:
            continue
        told = Told()
        with told.listen():
            found = run_of(read_scan(data / "tmj" / head / "ct.nii.gz"), models, one(head))
        yield {"scan": f"{head}, as it is", **told.cells(), **_against(found, found)}


if __name__ == "__main__":
    main()
