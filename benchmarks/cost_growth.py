"""How the cost of ``negvol run`` grows: seconds against voxels, and against joints.

    python -m benchmarks.cost_growth [--most 150] [--plot docs/cost_growth.png] [--write]

One phantom head is scanned once and resampled to grids of 0.5 to 150 million voxels; each is
measured in a process of its own, once with both joints in view and, at one size, with a single
one. The plot shows wall and user seconds and the peak of memory; the same figures are printed.
All of it takes some four minutes on two quiet cores.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from benchmarks.run_cost import HERE, Cost, cost_of, peak_mb
from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.resample import crop_to, resample
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.structures import Side

MILLIONS = (0.5, 1.5, 5.0, 15.0, 50.0, 150.0)
ONE_JOINT_AT = 5.0
SIZE_MM = np.array([190.0, 190.0, 130.0])
DRAWN_MM = 0.9
SEED = 7


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: how many voxels and joints it had, what it cost, and its peak memory, MiB."""

    millions: float
    joints: int
    cost: Cost
    peak_mb: float


def drawn() -> Volume:
    """The phantom head, in voxels of 0.9 mm, int16."""
    head = draw_head(SEED, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    nx, ny, nz = (round(float(mm / DRAWN_MM)) for mm in SIZE_MM)
    grid = Grid((nx, ny, nz), (DRAWN_MM,) * 3, vector(middle - SIZE_MM / 2))
    return head.scan(grid, ScanSettings(), SEED)


def at_millions(ct: Volume, millions: float) -> Volume:
    """The same head in that many million voxels, int16."""
    spacing = float((np.prod(SIZE_MM) / (millions * 1e6)) ** (1 / 3))
    nx, ny, nz = (int(mm / spacing) for mm in SIZE_MM)
    grid = Grid((nx, ny, nz), (spacing,) * 3, ct.grid.origin_mm_xyz)
    return Volume(np.rint(resample(ct, grid)).astype(np.int16), grid)


def right_half(ct: Volume) -> Volume:
    """The part of a head to the patient's right of its middle."""
    nx, ny, nz = ct.grid.size_xyz
    half = Grid((nx // 2, ny, nz), ct.grid.spacing_mm_xyz, ct.grid.origin_mm_xyz)
    part = crop_to(ct, half, margin=0)
    if part is None:
        raise ValueError("the head has no right half")
    return Volume(np.ascontiguousarray(part.values_zyx), part.grid)


def measured(ct: Volume, joints: int, folder: Path) -> Measured:
    """What ``negvol run`` costs on ``ct``."""
    path = folder / "head.nii.gz"
    write_nifti(ct, path)
    words = ("run", path, "-o", folder / "out", "--overwrite", "--quiet", "--device", "cpu")
    cost = cost_of(HERE, *words)
    return Measured(float(np.prod(ct.grid.size_xyz)) / 1e6, joints, cost, peak_mb(folder / "out"))


def draw_plot(found: list[Measured], path: Path) -> None:
    """Seconds and memory over voxels on the left, seconds over joints on the right."""
    both = [run for run in found if run.joints == 2]
    figure, (grown, counted) = plt.subplots(
        1, 2, figsize=(10, 4), width_ratios=(3, 1), layout="constrained"
    )
    voxels = [run.millions for run in both]
    grown.plot(voxels, [run.cost.wall_s for run in both], "o-", label="wall")
    grown.plot(voxels, [run.cost.user_s for run in both], "s--", label="user")
    grown.set(xscale="log", xlabel="million voxels", ylabel="seconds", ylim=(0, None))
    memory = grown.twinx()
    memory.plot(voxels, [run.peak_mb for run in both], "^:", color="grey", label="peak memory")
    memory.set(ylabel="MiB", ylim=(0, None))
    lines = [*grown.get_lines(), *memory.get_lines()]
    grown.legend(lines, [str(line.get_label()) for line in lines], loc="lower right")
    one = next(run for run in found if run.joints == 1)
    two = min(both, key=lambda run: abs(run.millions - 2 * one.millions))
    for shift, name in ((-0.2, "wall_s"), (0.2, "user_s")):
        heights = [getattr(run.cost, name) for run in (one, two)]
        counted.bar(np.array([1, 2]) + shift, heights, 0.4, label=name.removesuffix("_s"))
    counted.set(xticks=[1, 2], xlabel="joints in view", ylabel="seconds")
    counted.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=float, default=MILLIONS[-1], help="million voxels")
    parser.add_argument("--plot", type=Path, default=HERE / "docs" / "cost_growth.png")
    parser.add_argument("--write", action="store_true", help="Into docs/install.md.")
    args = parser.parse_args()
    said, found, head = Printed(), [], drawn()
    said.heading("million voxels", "joints", "wall, s", "user, s", "peak, MiB")
    with tempfile.TemporaryDirectory() as folder:
        sizes = [m for m in MILLIONS if m <= args.most]
        halved = max(m for m in sizes if m <= ONE_JOINT_AT)
        for millions in sizes:
            ct = at_millions(head, millions)
            runs = [(ct, 2)] + ([(right_half(ct), 1)] if millions == halved else [])
            for part, joints in runs:
                run = measured(part, joints, Path(folder))
                found.append(run)
                cost = run.cost
                said.row(
                    *(f"{run.millions:.1f}", joints, f"{cost.wall_s:.1f}"),
                    *(f"{cost.user_s:.1f}", f"{run.peak_mb:.0f}"),
                )
    draw_plot(found, args.plot)
    if args.write:
        said.line(f"\n![Seconds and memory against voxels and joints]({args.plot.name})")
        said.write("install.md", "GROWTH")


if __name__ == "__main__":
    main()
