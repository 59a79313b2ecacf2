"""What a batch costs: scans per hour, memory over the scans, disk, and the gain of two processes.

    python -m benchmarks.batch_scale [--scans 200] [--compare 20]

The scans are phantom heads in voxels of 1.5 mm, drawn on the fly. Only reading and localising
depend on how many voxels a scan has; all else works on joint frames of one size, so that a
clinical scan takes as long but for the second or so that it takes to read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from benchmarks.tables import Printed
from negvol_cli.batch import Processes, Result, Tally, discover, job_for, run_batch, threads_each
from negvol_cli.bundle.bundle import DEFAULT_BUNDLE
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, vector
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.settings import Device, Settings
from negvol_cli.structures import Side

STUDIES = 100_000
MACHINES = (1, 20)
SPACING_MM = 1.5
MEMORY_EVERY = 20
FLOOR_OF = 10
SIZE_MM = (180.0, 120.0, 100.0)


def draw(folder: Path, count: int) -> None:
    """Write ``count`` heads that differ in shape, joint spaces and noise."""
    for number in range(count):
        space = 1.5 + 2 * (number % 7) / 7
        head = draw_head(number, right_space_mm=space, left_space_mm=3.5 - space / 2, open_mm=0)
        middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
        nx, ny, nz = (round(mm / SPACING_MM) for mm in SIZE_MM)
        origin = middle - (np.array([nx, ny, nz]) - 1) / 2 * SPACING_MM
        grid = Grid((nx, ny, nz), (SPACING_MM,) * 3, vector(origin))
        ct = head.scan(grid, ScanSettings(noise_hu=15.0), number)
        sitk.WriteImage(to_sitk(ct), str(folder / f"head{number:04}.nii.gz"))


def resident_mb(pid: int) -> float:
    """The memory that a process holds at this moment, MiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def run(folder: Path, out: Path, jobs: int, limit: int) -> tuple[float, Tally]:
    """Seconds for ``limit`` scans and how they ended; memory is printed on the way.

    Of each process the least of ten readings: by the time that a result is here, its worker may
    be in the middle of the next scan.
    """
    held: defaultdict[int, list[float]] = defaultdict(list)

    def on_result(tally: Tally, _result: Result) -> None:
        children = multiprocessing.active_children()
        pids = [*(child.pid for child in children if child.pid is not None), os.getpid()]
        for pid in pids:
            held[pid].append(resident_mb(pid))
        if tally.done % MEMORY_EVERY == 0:
            *workers, own = (f"{min(held[pid][-FLOOR_OF:]):.0f}" for pid in pids)
            said = f"{' and '.join(workers)} MiB, and {own} to direct it"
            print(f"memory after scan {tally.done}: {said}", flush=True)

    settings = Settings(device=Device.CPU, threads=threads_each(jobs))
    job = job_for(out, settings, DEFAULT_BUNDLE)
    start = time.perf_counter()
    result = run_batch(discover(folder), job, Processes(jobs), limit=limit, on_result=on_result)
    return time.perf_counter() - start, result.tally


def bytes_below(folder: Path) -> int:
    """The bytes of all files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Print the figures, and what they come to for a hundred thousand studies."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--compare", type=int, default=20, help="scans to compare --jobs with")
    parser.add_argument("--write", action="store_true", help="Into docs/batch.md.")
    args = parser.parse_args()
    said = Printed()
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary) / "in", Path(temporary) / "out"
        folder.mkdir()
        draw(folder, args.scans)
        load = os.getloadavg()[0]
        seconds, tally = run(folder, out, 1, args.scans)
        each = bytes_below(out) / args.scans
        ended = ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.items())
        said.line(f"- {args.scans} phantom heads: {ended}")
        said.line(f"- load of the machine before: {load:.1f}")
        said.line(
            f"- one process: {seconds / args.scans:.2f} s a scan, {per_hour(seconds, args.scans)}"
        )
        said.line(f"- disk: {each / 1e6:.1f} MB a scan")
        rates = {}
        for jobs in (1, 2):
            place = Path(temporary) / f"jobs{jobs}"
            rates[jobs], _ = run(folder, place, jobs, args.compare)
            rate = per_hour(rates[jobs], args.compare)
            said.line(f"- `--jobs {jobs}`, {args.compare} scans: {rate}")
        said.line(f"- gain of `--jobs 2`: {rates[1] / rates[2] - 1:+.0%}")
        said.line(paper(min(seconds / args.scans, rates[2] / args.compare), each))
    if args.write:
        said.write("batch.md", "COST")


def per_hour(seconds: float, scans: int) -> str:
    """Scans per hour, in words."""
    return f"{3600 * scans / seconds:.0f} scans per hour"


def paper(seconds: float, each_bytes: float) -> str:
    """What many studies cost on one and on twenty machines like this one."""
    lines = [f"- on paper, {STUDIES:,} studies, {STUDIES * each_bytes / 1e12:.2f} TB of results:"]
    for machines in MACHINES:
        hours = STUDIES * seconds / 3600 / machines
        lines.append(f"  - {machines} machine(s): {hours:,.0f} hours ({hours / 24:.1f} days)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
