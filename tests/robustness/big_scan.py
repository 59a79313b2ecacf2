"""Peak memory of a run on a large scan: ``python -m tests.robustness.big_scan --limit-mib 2048``.

The scan is a phantom head of 512 x 512 x 600 int16 voxels (300 MiB). ``--limit-mib`` limits what
the process may take for data (RLIMIT_DATA), as on a machine that has no more free.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from pathlib import Path

import SimpleITK as sitk

from negvol_cli.geometry.align import to_sitk
from negvol_cli.io.image import read_scan
from negvol_cli.memory import peak_memory_mb
from negvol_cli.phantom import draw_head
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.pipeline.heads import QUIET, grid_about

SIZE_XYZ = (512, 512, 600)
EXTENT_MM = (205, 220, 210)


def write_big_scan(path: Path) -> Path:
    """A phantom drawn at 1 mm and resampled to ``SIZE_XYZ`` int16 voxels of about 0.4 mm."""
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    small = to_sitk(head.scan(grid_about(head, EXTENT_MM, 1.0), QUIET, 1))
    spacing = [
        n * s / m for n, s, m in zip(small.GetSize(), small.GetSpacing(), SIZE_XYZ, strict=True)
    ]
    big = sitk.Resample(
        small,
        SIZE_XYZ,
        sitk.Transform(),
        sitk.sitkLinear,
        small.GetOrigin(),
        spacing,
        small.GetDirection(),
        -1000,
        sitk.sitkInt16,
    )
    sitk.WriteImage(big, str(path), useCompression=path.name.endswith(".gz"), compressionLevel=1)
    return path


def read_mib(path: Path) -> float:
    """By how much reading a scan raises the peak of this process, MiB."""
    before = _peak_mib()
    read_scan(path)
    return _peak_mib() - before


def _peak_mib() -> float:
    peak = peak_memory_mb()
    assert peak is not None, "where RLIMIT_DATA is known, so is the peak"
    return peak


def main() -> None:
    """Run on a scan and print the peak of each step, MiB; or write it, or only read it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=2048)
    parser.add_argument("--scan", type=Path, required=True)
    parser.add_argument("--make", action="store_true", help="only write the scan")
    parser.add_argument("--read", action="store_true", help="print what reading the scan takes")
    args = parser.parse_args()
    if args.make:
        write_big_scan(args.scan)
        return
    if args.read:
        print(read_mib(args.scan))
        return
    resource.setrlimit(resource.RLIMIT_DATA, (args.limit_mib << 20,) * 2)
    with tempfile.TemporaryDirectory() as out:
        measure_scan(args.scan, Path(out), Settings(device=Device.CPU))
        (run,) = Path(out).glob("*/run.json")
        print(json.dumps(json.loads(run.read_text(encoding="utf-8"))["steps"]))


if __name__ == "__main__":
    main()
