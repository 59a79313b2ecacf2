"""What ``negvol run`` costs, step by step, and how that compares with another checkout of it.

    python -m benchmarks.run_cost [SCAN ...] [--against CHECKOUT] [--rounds 3] [--write]

Each scan is measured in a process of its own, from a cold start, as a person would, on one thread
and on two. Without a scan, a phantom head of 512 x 512 x 160 voxels is drawn. The networks'
floating-point operations are counted from their ONNX files and set against what a matrix product
reaches on the same machine; every time is also given in such products, so that machines compare.

``--against`` names a checkout of an earlier version, such as a git worktree. Both are run in turn
on the first scan, on a cold ``negvol demo``, and on a batch of phantoms with ``--jobs 2``; what is
printed are ratios of the medians. ``--write`` puts the tables into docs/install.md.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.batch_scale import bytes_below, draw
from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Grid, vector
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.structures import Side

HERE = Path(__file__).parents[1]
NETWORK_STEPS = ("localise", "segment")
PRODUCT = 3000
"""The size of the matrix product in which times are given."""
HEAD_VOXELS = (512, 512, 160)
HEAD_MM = (230.0, 230.0, 144.0)
THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a process on the clock, and of its CPUs in user mode."""

    wall_s: float
    user_s: float


def matrix_product_gflops(size: int = PRODUCT, repeats: int = 5) -> float:
    """The best of ``repeats`` float32 matrix products, in 10⁹ operations per second."""
    a = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def segmenter_gflop() -> float:
    """10⁹ operations of one joint's segmentation, from the shapes of its convolutions."""
    import onnx
    from onnx import shape_inference

    from negvol_cli.bundle.bundle import load_bundle

    bundle = load_bundle()
    total = 0
    for spec in bundle.segmenters:
        graph = shape_inference.infer_shapes(onnx.load_from_string(bundle.read(spec))).graph
        weights = {w.name: tuple(w.dims) for w in graph.initializer}
        known = (*graph.value_info, *graph.output, *graph.input)
        shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in known}
        for node in graph.node:
            if node.op_type == "Conv":
                voxels = np.prod(shape[node.output[0]][2:])
            elif node.op_type == "ConvTranspose":
                voxels = np.prod(shape[node.input[0]][2:])
            else:
                continue
            total += 2 * int(voxels) * int(np.prod(weights[node.input[1]]))
    return total / 1e9


def segmenter_seconds(repeats: int = 5) -> float:
    """The best time of one joint's segmentation on the CPU."""
    from negvol_cli.bundle.bundle import load_bundle
    from negvol_cli.inference.session import open_session
    from negvol_cli.settings import Device

    bundle = load_bundle()
    predictors = [open_session(bundle.read(s), s, Device.CPU) for s in bundle.segmenters]
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        for predictor in predictors:
            predictor.warm_up()
        best = min(best, time.perf_counter() - start)
    return float(best)


def cost_of(checkout: Path, *words: str | Path) -> Cost:
    """What the command line of a checkout costs, from a cold start; Linux and macOS.

    Modules are compiled once, as an installed package's are, whatever the environment says.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": _bytecode()}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "negvol_cli", *map(str, words)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        said = process.stderr.read().decode() if process.stderr else ""
        raise RuntimeError(f"{' '.join(command)} in {checkout} failed: {said}")
    return Cost(wall, used.ru_utime)


@cache
def _bytecode() -> str:
    """A folder for compiled modules, which goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="negvol-bytecode-")
    atexit.register(folder.cleanup)
    return folder.name


def record_in(out: Path) -> dict[str, Any]:
    """The run.json of the one result below ``out``."""
    (path,) = out.glob("*/run.json")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def peak_mb(out: Path) -> float:
    """The peak memory, MiB, of the run whose result lies below ``out``, by its run.json."""
    return max(float(step["peak_mb"]) for step in record_in(out)["steps"])


def head_of_512(folder: Path) -> Path:
    """The CT of a phantom head of 512 x 512 x 160 voxels, written below ``folder``."""
    head = draw_head(7, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    spacing = tuple(mm / n for mm, n in zip(HEAD_MM, HEAD_VOXELS, strict=True))
    grid = Grid(
        HEAD_VOXELS, (spacing[0], spacing[1], spacing[2]), vector(middle - np.array(HEAD_MM) / 2)
    )
    path = folder / "head512.nii.gz"
    write_nifti(head.scan(grid, ScanSettings(), 7), path)
    return path


def steps_of(said: Printed, scan: Path, product_s: float) -> None:
    """Print what each step of ``negvol run`` takes, on one thread and on two."""
    with tempfile.TemporaryDirectory() as out:  # not counted: modules are compiled
        cost_of(HERE, "run", scan, "-o", out, "--device", "cpu", "--quiet")
    for threads in THREADS:
        with tempfile.TemporaryDirectory() as out:
            given = ("--device", "cpu", "--threads", str(threads), "--quiet")
            cost = cost_of(HERE, "run", scan, "-o", out, *given)
            steps = record_in(Path(out))["steps"]
            peak, size = peak_mb(Path(out)), bytes_below(Path(out))
        said.line(
            f"\n{scan.parent.name}/{scan.name} on {threads} thread(s): {cost.wall_s:.1f} s from a "
            f"cold start ({cost.wall_s / product_s:.0f} matrix products), {cost.user_s:.1f} s "
            f"user, peak {peak:.0f} MiB, result {size / 1e6:.1f} MB\n"
        )
        said.heading("step", "seconds", "CPU seconds of its own thread", "peak so far, MiB")
        for step in steps:
            own = f"{step['cpu_seconds']:.2f}"
            said.row(step["name"], f"{step['seconds']:.2f}", own, f"{step['peak_mb']:.0f}")
        networks = sum(step["seconds"] for step in steps if step["name"] in NETWORK_STEPS)
        if threads == 1:
            said.line(f"\nNetworks: {networks / cost.wall_s:.0%} of the time.")
    said.line(
        "\nSteps of both joints overlap on two threads, and then add up to more than the time."
    )


def compare(said: Printed, scan: Path, other: Path, rounds: int, scans: int) -> None:
    """Print ratios to another checkout, both run in turn."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "in").mkdir()
        draw(folder / "in", scans)
        commands: dict[str, tuple[Sequence[str | Path], int]] = {
            "`run` on a head": (("run", scan, "--overwrite", "--quiet"), rounds),
            "`demo`, cold": (("demo", "--quiet"), rounds),
            f"`batch --jobs 2`, {scans} phantoms": (
                ("batch", folder / "in", "--jobs", "2", "--no-resume", "--quiet"),
                max(1, rounds - 1),
            ),
        }
        said.line(f"\nAgainst {other.name}, medians of alternating runs:\n")
        said.heading("", "before, s", "now, s", "ratio", "user before, s", "now, s", "ratio")
        for name, (words, times) in commands.items():
            found: dict[Path, list[Cost]] = {other: [], HERE: []}
            for number in range(times):
                for checkout in (other, HERE):
                    out = folder / f"{checkout.name}-{words[0]}-{number}"
                    found[checkout].append(cost_of(checkout, *words, "-o", out, "--device", "cpu"))
            before, now = (_median(costs) for costs in found.values())
            said.row(
                *(name, f"{before.wall_s:.2f}", f"{now.wall_s:.2f}"),
                *(f"{now.wall_s / before.wall_s:.2f}", f"{before.user_s:.2f}"),
                *(f"{now.user_s:.2f}", f"{now.user_s / before.user_s:.2f}"),
            )
            if words[0] == "run":
                outs = [folder / f"{checkout.name}-run-0" for checkout in (other, HERE)]
                peaks = " and ".join(f"{peak_mb(out):.0f}" for out in outs)
                sizes = " and ".join(f"{bytes_below(out) / 1e6:.1f}" for out in outs)
                notes = f"Peak memory of `run`: {peaks} MiB; result {sizes} MB."
            if words[0] == "batch":
                hour = [3600 * scans / cost.wall_s for cost in (before, now)]
                notes += f" Phantoms an hour: {hour[0]:.0f} and {hour[1]:.0f}."
        said.line(f"\n{notes}")


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        statistics.median(cost.user_s for cost in costs),
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", type=Path, nargs="*")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--phantoms", type=int, default=12, help="in the batch that is compared")
    parser.add_argument("--write", action="store_true", help="Into docs/install.md.")
    args = parser.parse_args()
    said = Printed()
    speed, work, seconds = matrix_product_gflops(), segmenter_gflop(), segmenter_seconds()
    said.line(
        f"Load of the machine before: {os.getloadavg()[0]:.1f}. One joint's segmentation: "
        f"{work:.0f} GFLOP in {seconds:.2f} s, {work / seconds:.0f} GFLOP/s, "
        f"{work / seconds / speed:.0%} of a matrix product's {speed:.0f} GFLOP/s."
    )
    with tempfile.TemporaryDirectory() as temporary:
        scans = args.scans or [head_of_512(Path(temporary))]
        for scan in scans:
            steps_of(said, scan.resolve(), 2 * PRODUCT**3 / speed / 1e9)
        if args.against is not None:
            compare(said, scans[0].resolve(), args.against.resolve(), args.rounds, args.phantoms)
    if args.write:
        said.write("install.md", "COST")


if __name__ == "__main__":
    main()
