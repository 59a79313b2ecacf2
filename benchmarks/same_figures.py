"""Whether a change of the code left every figure as it was: store them before, compare after.

    python -m benchmarks.same_figures store figures.json ../shared/data
    python -m benchmarks.same_figures compare figures.json ../shared/data [--within 0.001]

Measures two clinical heads, one planning CT and a phantom, and keeps or compares all that
``report.json`` says of them. ``--within`` allows a relative difference of numbers, as for a change
that only makes the program faster.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from negvol_cli import measure_scan
from negvol_cli.geometry.grid import Grid, vector
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.structures import Side

SCANS = ("tmj/fullhead/ct.nii.gz", "tmj/visible-female/ct.nii.gz", "headneck/pt_100.nii.gz")
PHANTOM_SEED = 7
NOT_FIGURES = ("versions", "provider", "scan")


def figures(data: Path) -> dict[str, Any]:
    """What report.json says of each scan, by the scan's name."""
    with tempfile.TemporaryDirectory() as folder:
        scans = [data / name for name in SCANS] + [_phantom(Path(folder))]
        return {
            "/".join(scan.parts[-2:]) if scan.is_relative_to(data) else scan.name: _report(
                scan, Path(folder) / "out"
            )
            for scan in scans
        }


def differences(before: Any, after: Any, within: float, where: str = "") -> Iterator[str]:
    """A line for every value that is not the same, numbers to the share ``within``."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after} - {*NOT_FIGURES}):
            missing = f"missing {key}"
            yield from differences(
                before.get(key, missing), after.get(key, missing), within, f"{where}/{key}"
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, within, f"{where}[{i}]")
    elif not _same(before, after, within):
        yield f"{where}: {before!r} -> {after!r}"


def _same(before: Any, after: Any, within: float) -> bool:
    if isinstance(before, float) and isinstance(after, float) and within > 0:
        return math.isclose(before, after, rel_tol=within)
    return bool(before == after)


def _report(scan: Path, out: Path) -> Any:
    report = measure_scan(scan, out, overwrite=True)
    return json.loads((out / report.scan / "report.json").read_text(encoding="utf-8"))


def _phantom(folder: Path) -> Path:
    """The CT of a phantom head, 0.8 mm voxels, written below ``folder``."""
    head = draw_head(PHANTOM_SEED, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    middle = np.mean([head.condyle_centre_mm(side) for side in Side], axis=0)
    size = (238, 238, 162)
    first = vector(middle - 0.8 * np.array(size) / 2 + (0.0, 0.0, 5.0))
    path = folder / "phantom.nii.gz"
    write_nifti(head.scan(Grid(size, (0.8,) * 3, first), ScanSettings(), PHANTOM_SEED), path)
    return path


def main() -> None:
    """Store or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("store", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--within", type=float, default=0.0)
    args = parser.parse_args()
    found = figures(args.data)
    if args.what == "store":
        args.file.write_text(json.dumps(found, indent=1), encoding="utf-8")
        return
    before = json.loads(args.file.read_text(encoding="utf-8"))
    lines = list(differences(before, found, args.within))
    print("\n".join(lines) if lines else f"every figure of {len(found)} scans is the same")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
