"""Whether a long batch over a Dask cluster keeps its memory: on the workers, the scheduler, here.

    python -m benchmarks.cluster_memory [--scans 2000] [--heads 4] [--joints-in 1] [--write]

A scheduler and two workers of one thread run on this machine's loopback. Phantom heads in voxels
of 1.5 mm are measured as ``negvol batch --scheduler`` measures them; a few are drawn, and each
scan is one of them with noise of its own, so that no two are alike. What every process holds is
read after each scan. Printed is the least of ten scans, between which a worker holds little, after
a quarter of the scans and at the end, and the growth between. 2,000 scans take some three hours on
two cores. With ``--joints-in 4`` only every fourth scan shows joints, and the others end above them
and are refused, which takes less than half of the time: scheduler and client have as much to do.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks.batch_scale import FLOOR_OF, draw, resident_mb
from benchmarks.tables import Printed
from negvol_cli.batch import Cluster, Result, Tally, discover, job_for, run_batch
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from negvol_cli.geometry.grid import Volume, vector
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.io.image import read_image
from negvol_cli.settings import Device, Settings
from tests.batch.dask_here import DaskHere, dask_here

WORKERS = 2
NOISE_HU = 3.0


def write_scans(folder: Path, count: int, heads: int, joints_in: int) -> None:
    """Write ``count`` scans of ``heads`` phantom heads, each with noise of its own.

    Only one scan in ``joints_in`` shows joints; the others end above them.
    """
    drawn = folder / "drawn"
    drawn.mkdir()
    draw(drawn, heads)
    volumes = [read_image(path).volume for path in sorted(drawn.iterdir())]
    for path in drawn.iterdir():
        path.unlink()
    drawn.rmdir()
    for number in range(count):
        head, rng = volumes[number // joints_in % heads], np.random.default_rng(number)
        if number % joints_in:
            head = upper_quarter(head)
        noise = rng.normal(0.0, NOISE_HU, head.values_zyx.shape)
        values = np.rint(head.values_zyx + noise).astype(np.int16)
        write_nifti(Volume(values, head.grid), folder / f"head{number:05}.nii.gz")


def upper_quarter(head: Volume) -> Volume:
    """The part of a head above its joints."""
    x, y, z = head.grid.size_xyz
    low = z * 3 // 4
    origin = vector(head.grid.to_world((0, 0, low)))
    grid = replace(head.grid, size_xyz=(x, y, z - low), origin_mm_xyz=origin)
    return Volume(head.values_zyx[low:], grid)


def held(scans: Path, out: Path, here: DaskHere) -> tuple[npt.NDArray[np.float64], int]:
    """(N, P): MiB held after each scan by the workers, the scheduler and this process.

    And how many of the scans were measured.
    """
    workers = [worker.pid for worker in here.workers]
    own = psutil.Process()
    (scheduler,) = (child.pid for child in own.children() if "scheduler" in child.cmdline())
    pids = [*workers, scheduler, own.pid]
    rows: list[list[float]] = []

    def on_result(tally: Tally, _result: Result) -> None:
        rows.append([resident_mb(pid) for pid in pids])
        if tally.done % 20 == 0:
            print(tally.done, *(f"{mb:.0f}" for mb in rows[-1]), flush=True)

    settings = Settings(device=Device.CPU, threads=1)
    with Cluster(here.address, insecure=True) as cluster:
        cluster.wait_for(WORKERS)
        job = job_for(out, settings, DEFAULT_BUNDLE)
        result = run_batch(discover(scans), job, cluster, on_result=on_result)
    return np.array(rows), len(rows) - len(result.failures)


def floors(held_mb: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """The least of values (N,) after a quarter and at the end, MiB, and the growth in 100 scans.

    Of ten values each, or of half of what follows on the quarter where that is fewer.
    """
    later = held_mb[len(held_mb) // 4 :]
    many = min(FLOOR_OF, max(1, len(later) // 2))
    first, last = float(later[:many].min()), float(later[-many:].min())
    return first, last, 100.0 * (last - first) / max(1, len(later) - many)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--joints-in", type=int, default=1, metavar="N", help="One scan in N.")
    parser.add_argument("--write", action="store_true", help="Into docs/batch.md.")
    args = parser.parse_args()
    said = Printed()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "in").mkdir()
        write_scans(folder / "in", args.scans, args.heads, args.joints_in)
        with dask_here(folder, WORKERS) as here:
            rows, measured = held(folder / "in", folder / "out", here)
    expected = -(-args.scans // args.joints_in)
    if measured != expected:
        raise RuntimeError(f"{measured} scans were measured, {expected} show joints")
    said.heading("", "after a quarter, MiB", "at the end, MiB", "growth in 100 scans, MiB")
    names = [*(f"worker {n + 1}" for n in range(WORKERS)), "scheduler", "client"]
    for name, column in zip(names, rows.T, strict=True):
        quarter, end, growth = floors(column)
        said.row(name, f"{quarter:.0f}", f"{end:.0f}", f"{growth:+.1f}")
    said.line(
        f"\n{len(rows)} scans, one after the other on each worker; {measured} of them show joints."
    )
    if args.write:
        said.write("batch.md", "CLUSTER")


if __name__ == "__main__":
    main()
