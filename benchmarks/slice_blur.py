"""How well the blur across thick slices is read off a scan: bell-shaped profiles and boxes.

    python -m benchmarks.slice_blur DATA [--write]

Heads of ``DATA/tmj`` with fine slices are given slices of 2, 2.5 and 3 mm that touch, once by a
Gaussian as wide at half its height as the slices are apart, once as even means of the scan's own.
What is then blurred across slices is known: the blur read of the scan as it is, and what was added.
Printed is what is read as a share of that; --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.scan_changes import FWHM, binned, with_slices
from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps.calibrate_hu import Calibrated, in_hu
from negvol_cli.steps.scanner import BOX_SD, read_scanner

HEADS: Final = ("fullhead", "sharp-base", "medimodel", "cthead", "visible-female")
SLICES_MM: Final = (2.0, 2.5, 3.0)


def thickened(volume: Volume) -> Iterator[tuple[str, float, Volume, float]]:
    """The profile, the slices' distance, the scan so changed, and the variance added, mm²."""
    own = volume.grid.spacing_mm_xyz[2]
    for mm in SLICES_MM:
        yield "bell", mm, with_slices(volume, mm), (mm**2 - own**2) / FWHM**2
    for many in sorted({round(mm / own) for mm in SLICES_MM} - {1}):
        mm = many * own
        added = (mm**2 - own**2) * BOX_SD**2
        yield "box", mm, binned(volume, (1, 1, many)), added


def read_across(seen: Calibrated, volume: Volume) -> float:
    """The blur across the slices of a scan that ``seen`` was changed to, mm."""
    whole = seen.scanner
    scanner = read_scanner(volume, air_hu=whole.air_hu, tissue_hu=whole.tissue_hu)
    return scanner.blur_mm_xyz[2]


def main() -> None:
    """Print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    said = Printed()
    said.heading("head", "profile", "slices, mm", "blur, mm", "read, mm", "share")
    for head in HEADS:
        seen = in_hu(read_scan(arguments.data / "tmj" / head / "ct.nii.gz").volume)
        own = read_across(seen, seen.volume)
        for profile, mm, volume, added in thickened(seen.volume):
            true, read = float(np.sqrt(own**2 + added)), read_across(seen, volume)
            said.row(head, profile, f"{mm:.1f}", f"{true:.2f}", f"{read:.2f}", f"{read / true:.2f}")
    if arguments.write:
        said.write("accuracy.md", "SLICE BLUR")


if __name__ == "__main__":
    main()
