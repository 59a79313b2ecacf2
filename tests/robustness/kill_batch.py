"""A batch killed at random moments, then resumed.

    python -m tests.robustness.kill_batch --kills 25

Every second time the processes that the batch has started are left to end by themselves. After
each kill, whatever can be seen must be whole; in the end all results must equal those of a batch
that nobody disturbed, but for seconds and memory, and nothing else may be left.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid
from negvol_cli.phantom import draw_head
from negvol_cli.structures import Side
from tests.pipeline.heads import QUIET
from tests.robustness.forked import ROOT, environment

SPACING_MM = 1.0
SIDE_VOXELS = 110


@dataclass(slots=True)
class Tally:
    """What the kills hit, and what was wrong afterwards."""

    kills: int = 0
    in_a_scan: int = 0
    finished_first: int = 0
    faults: list[str] = field(default_factory=list)


def write_scans(folder: Path, count: int) -> Path:
    """So many small scans, each of one joint, in folders of their own."""
    for number in range(count):
        head = draw_head(30 + number, right_space_mm=2.0, left_space_mm=3.0, open_mm=0)
        side = list(Side)[number % 2]
        half = (SIDE_VOXELS - 1) / 2 * SPACING_MM
        x, y, z = head.condyle_centre_mm(side)
        grid = Grid((SIDE_VOXELS,) * 3, (SPACING_MM,) * 3, (x - half, y - half, z - half + 5))
        place = folder / f"study {number}"
        place.mkdir(parents=True)
        sitk.WriteImage(to_sitk(head.scan(grid, QUIET, 1)), str(place / f"head{number}.nii.gz"))
    return folder


def batch(scans: Path, out: Path, temporary: Path) -> subprocess.Popen[bytes]:
    """Start ``negvol batch`` in a process group of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "negvol_cli", "batch", str(scans), "-o", str(out)),
            *("--device", "cpu", "--threads", "1", "--quiet"),
        ],
        cwd=ROOT,
        env=environment(TMPDIR=str(temporary)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(scans: Path, out: Path, temporary: Path) -> float:
    """A batch to its end; the seconds it took. Raises RuntimeError where it fails."""
    start = time.perf_counter()
    process = batch(scans, out, temporary)
    _, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the batch ended with {process.returncode}: {err.decode()}")
    return time.perf_counter() - start


def disturb(work: Path, *, scans: int, kills: int, seed: int) -> Tally:
    """Kill a batch ``kills`` times, resume it to its end, and say what is wrong then."""
    rng, tally = random.Random(seed), Tally()
    temporary = work / "temporary"
    temporary.mkdir(parents=True)
    found = write_scans(work / "scans", scans)
    seconds = finish(found, work / "undisturbed", temporary)
    out = work / "disturbed"
    while tally.kills < kills:
        process = batch(found, out, temporary)
        try:
            process.wait(rng.uniform(0.02, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            tally.kills += 1
            if tally.kills % 2:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            tally.in_a_scan += any(out.glob(".*.part-*"))
        else:
            tally.finished_first += 1
            shutil.rmtree(out)
        process.communicate()
        tally.faults += [f"after kill {tally.kills}: {fault}" for fault in half_written(out)]
    finish(found, out, temporary)
    tally.faults += differences(work / "undisturbed", out)
    tally.faults += [f"left in the temporary folder: {path.name}" for path in temporary.iterdir()]
    return tally


def half_written(out: Path) -> list[str]:
    """What of a batch's folder can be seen and is not whole."""
    faults = []
    for folder in (path for path in out.glob("[!.]*") if path.is_dir()):
        try:
            run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            json.loads((folder / "report.json").read_text(encoding="utf-8"))
            faults += [
                f"{folder.name}/{name} is not as it was written"
                for name, digest in run["files"].items()
                if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
            ]
        except (OSError, ValueError, KeyError) as err:
            faults.append(f"{folder.name} is half written ({err!r})")
    for table in out.glob("[!.]*.csv"):
        if not table.read_bytes().endswith(b"\n"):
            faults.append(f"{table.name} is half written")
    return faults


def differences(wanted: Path, found: Path) -> list[str]:
    """Where two batches' folders differ, but for seconds and memory."""
    ours, theirs = (
        {str(path.relative_to(top)): path for path in top.rglob("*") if path.is_file()}
        for top in (wanted, found)
    )
    faults = [f"only in one of them: {name}" for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        if name.endswith("run.json"):
            same = _without_cost(ours[name]) == _without_cost(theirs[name])
        else:
            same = ours[name].read_bytes() == theirs[name].read_bytes()
        if not same:
            faults.append(f"differs: {name}")
    return faults


def _without_cost(path: Path) -> dict[str, object]:
    run = json.loads(path.read_text(encoding="utf-8"))
    return {**run, "steps": [step["name"] for step in run["steps"]]}


def main() -> int:
    """Print what the kills hit and every fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--scans", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="negvol-kills-") as work:
        tally = disturb(Path(work), scans=args.scans, kills=args.kills, seed=args.seed)
    print(f"{tally.kills} kills, {tally.in_a_scan} of them while a result was being made")
    print(f"{tally.finished_first} batches had ended before they were to be killed")
    print("\n".join(tally.faults) or "no fault: all results equal the undisturbed ones")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
