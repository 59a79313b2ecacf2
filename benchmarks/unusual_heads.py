"""What ``negvol run`` does with heads and exports out of the ordinary: right, or said.

    python -m benchmarks.unusual_heads [--bundle B] [--keep F] [--write]

One phantom head is exported badly (intensities cut off, windowed to 8 bits, inverted, bone
saturated, thick slabs written closely), posed otherwise, or is another one altogether: a child's,
without teeth, with a second head beside it, with a screw beside the joint. The table gives each
joint's status with NV against the truth, and what the report says. --keep stores every run and
goes on from there; --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.phantom_cases import AHEAD_MM, BELOW_MM, EXTENT_MM, FIRST_SEED, RIM_MM
from benchmarks.repeated_runs import Found, Runs
from benchmarks.scan_changes import whole
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Grid, Vector, Volume, vector
from negvol_cli.io.image import Scan
from negvol_cli.phantom import Machine, PhantomHead, Variety, draw_head, paint_scene
from negvol_cli.phantom.shapes import ellipsoid
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Side

SPACING_MM: Final = 0.6
USUAL: Final = Machine(blur_mm=0.45, noise_hu=15.0)
Export = Callable[[Volume], Volume]
draw: Final = partial(draw_head, FIRST_SEED, variety=Variety())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusual:
    """A head, who else is in the scan, the scanner, and what was done to the HU at export."""

    head: PhantomHead
    others: tuple[PhantomHead, ...] = ()
    machine: Machine = USUAL
    spacing_mm_xyz: Vector = (SPACING_MM,) * 3
    export: Export = lambda volume: volume
    above_mm: float | None = None
    """Where the scan ends above the joints; None: as usual."""

    def scan(self) -> Volume:
        """The exported scan."""
        low, high = extent(self.head)
        for other in self.others:
            first, last = extent(other)
            low, high = np.minimum(low, first), np.maximum(high, last)
        if self.above_mm is not None:
            high[2] = self.head.condyle_centre_mm(Side.LEFT)[2] + self.above_mm
        heads = [self.head, *self.others]
        scene = paint_scene(heads, vector(low - RIM_MM), vector(high + RIM_MM))
        x, y, z = (int(n) for n in (high - low) / self.spacing_mm_xyz)
        grid = Grid((x, y, z), self.spacing_mm_xyz, vector(low))
        return self.export(self.machine.sees(scene, grid, 5))


def extent(head: PhantomHead) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner (3,) of what is scanned of a head as it lies, LPS mm."""
    middle = np.array([0.0, -AHEAD_MM, -BELOW_MM])
    corners = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1]), axis=-1).reshape(-1, 3)
    turn = np.array(head.pose.turn).reshape(3, 3)
    # near the axes a head's own small tilt needs no wider box
    turn = np.where(np.abs(turn) < 0.3, 0.0, turn)
    points = (corners * np.array(EXTENT_MM) / 2 + middle) * head.pose.scale @ turn.T
    points = points + head.pose.origin_mm
    return points.min(axis=0), points.max(axis=0)


def windowed(volume: Volume, low: float, high: float) -> Volume:
    """Intensities from 0 to 255 over a window, as a picture is saved."""
    share = np.clip((volume.values_zyx.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    return whole(np.rint(255 * share), volume.grid)


def inverted(volume: Volume) -> Volume:
    """Intensities as magnetic resonance gives them: bone and air dark, fat brightest."""
    hu = volume.values_zyx.astype(np.float32)
    grey = np.interp(hu, [-1000, -400, -100, 50, 300, 1200], [20, 30, 900, 450, 200, 30])
    return whole(grey, volume.grid)


def unusual() -> Iterator[tuple[str, Unusual]]:
    """Every case with its name."""
    usual = draw(open_mm=0.0)
    x, y, z = usual.joint(Side.LEFT).centre_mm
    screw = replace(usual, implants=(ellipsoid((x + 14, y - 4, z - 4), (1.5, 4.0, 1.5)),))
    yield "as usual", Unusual(head=usual)
    cut = partial(replace, USUAL)
    yield "cut off above 300 HU", Unusual(head=usual, machine=cut(limits_hu=(-1024.0, 300.0)))
    yield "cut off below −160 HU", Unusual(head=usual, machine=cut(limits_hu=(-160.0, 3071.0)))
    yield "bone saturated at 1200 HU", Unusual(head=usual, machine=cut(limits_hu=(-1024.0, 1200.0)))
    bone_window = partial(windowed, low=-150.0, high=850.0)
    yield "8 bits of a window, −150 to 850 HU", Unusual(head=usual, export=bone_window)
    yield "intensities as of MR", Unusual(head=usual, export=inverted)
    slabs = cut(slice_mm=4.0)
    thin = (0.6, 0.6, 0.7)
    yield "4 mm slabs every 0.7 mm", Unusual(head=usual, machine=slabs, spacing_mm_xyz=thin)
    yield "screw beside the left joint", Unusual(head=screw, machine=cut(streaks_hu=400.0))
    yield "scan ends 5 mm above the joints", Unusual(head=usual, above_mm=5.0)
    for name, turn in (
        ("head on its left side", (0.0, 90.0, 0.0)),
        ("head face down", (0.0, 0.0, 180.0)),
        ("head upside down", (0.0, 180.0, 0.0)),
        ("head nodded by 30°", (30.0, 0.0, 0.0)),
        ("head turned by 30°", (0.0, 0.0, 30.0)),
    ):
        yield name, Unusual(head=usual.moved(turn))
    beside = draw_head(FIRST_SEED + 50).moved(shift_mm=(190.0, 0.0, 0.0))
    yield "second head beside it", Unusual(head=usual, others=(beside,))
    yield "a child's head, 0.75 of the size", Unusual(head=draw(open_mm=0.0, scale=0.75))
    yield "an infant's head, 0.6 of the size", Unusual(head=draw(open_mm=0.0, scale=0.6))
    yield "no teeth", Unusual(head=draw(open_mm=0.0, teeth=False))
    yield "mouth wide open", Unusual(head=draw(open_mm=14.0))
    yield "no right condyle", Unusual(head=draw(open_mm=0.0, joints=[Side.LEFT]))


def main() -> None:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--keep", type=Path, help="A file of runs to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    runs = Runs(lambda: load_models(arguments.bundle, Settings()), arguments.keep)
    empty = Grid((1, 1, 1), (1.0,) * 3, (0.0,) * 3)
    blank = Scan(Volume(np.zeros((1, 1, 1), np.int16), empty), empty, "unusual")
    rows = []
    for name, case in unusual():
        found = runs.of(name, blank, partial(_scan_of, case))
        rows.append(row_of(name, case.head, found))
    table = markdown(rows)
    print(f"\n{table}")
    if arguments.write:
        write_table("accuracy.md", "UNUSUAL", table)


def _scan_of(case: Unusual, _: Volume) -> Volume:
    return case.scan()


def row_of(name: str, head: PhantomHead, found: Found) -> dict[str, str]:
    """One case: each joint's status and error of NV, and what was said."""
    if "refused" in found:
        return {"scan": name, "right": "–", "left": "–", "said": f"refused: {found['refused']}"}
    row, said = {"scan": name}, list(found["flags"])
    for side in Side:
        joint = found[str(side)]
        said += [f"{side}: {flag}" for flag in joint["flags"]]
        row[str(side)] = joint["status"]
        if joint["nv_mm3"] is not None and head.joint(side).present:
            error = 100 * (joint["nv_mm3"] / head.truth(side, step_mm=0.6).nv_mm3 - 1)
            row[str(side)] += f", NV {error:+.1f} %"
    return {**row, "said": "; ".join(said) or "nothing"}


if __name__ == "__main__":
    main()
