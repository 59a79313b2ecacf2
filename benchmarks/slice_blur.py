"""How well the blur across thick slices is read off a scan: bells, boxes and slabs.

    python -m benchmarks.slice_blur DATA [--heads A,B] [--write]

Heads of ``DATA/tmj`` are given slices of about 2, 2.5 and 3 mm that touch, once by a Gaussian as
wide at half its height as the slices are apart, once as even means of the scan's own, so many that
nothing is interpolated; slabs of 4 mm every 2 mm and of 3 mm every 1.5 mm; and slabs of both kinds,
and a Gaussian of 3 mm, every 0.7 mm. What is then blurred across slices is known: the blur read of
the same part of the scan as it is, and what was added, also by interpolation between slices.
Printed is what is read as a share of that, in the whole scan and about each joint, which is what
figures rest on; --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.heads import LABELLED
from benchmarks.scan_changes import FWHM, Slices, binned, reconstructed, with_slices
from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import crop_to
from negvol_cli.io.image import read_scan
from negvol_cli.steps.calibrate_hu import in_hu
from negvol_cli.steps.scanner import BOX_SD, read_scanner_about
from negvol_cli.structures import Side
from training.data.dataset import joint_centres

SLICES_MM: Final = (2.0, 2.5, 3.0)
SLABS: Final = (Slices(3.0, 1.5), Slices(4.0, 2.0), Slices(3.0, 0.7), Slices(4.0, 0.7))
WIDE_BELL: Final = Slices(3.0, 0.7)
FINEST_MM: Final = 1.0
"""Of slices that can be joined to such slabs."""
MANY: Final = 10_000  # slices over which what interpolation adds is averaged
WELL: Final = 1.15
"""A blur is read well within 15 %."""


def thickened(volume: Volume) -> Iterator[tuple[str, float, Volume, float]]:
    """The profile, the slices' distance, the scan so changed, and the variance added, mm²."""
    own = volume.grid.spacing_mm_xyz[2]
    for many in sorted({round(mm / own) for mm in SLICES_MM} - {1}):
        mm = many * own
        square = mm**2 - own**2
        yield "bell", mm, with_slices(volume, mm), square / FWHM**2
        yield "box", mm, binned(volume, (1, 1, many)), square * BOX_SD**2
    if own > FINEST_MM:
        return
    for slab in SLABS:
        fine = slab.thick_mm / slab.averaged(own)
        added = (slab.thick_mm**2 - fine**2) * BOX_SD**2
        added += interpolation(own, fine) + interpolation(fine, slab.every_mm)
        changed = reconstructed(volume, 0.0, slab)
        yield f"slab of {slab.thick_mm:g} mm", slab.every_mm, changed, added
    thick, every = WIDE_BELL.thick_mm, WIDE_BELL.every_mm
    added = (thick**2 - own**2) / FWHM**2 + interpolation(own, every)
    yield f"bell of {thick:g} mm", every, with_slices(volume, thick, every), added


def interpolation(own_mm: float, every_mm: float) -> float:
    """The variance, mm², that slices ``every_mm`` apart get by linear interpolation: the mean.

    At a share f between two slices it is f (1 - f) of their distance squared.
    """
    share = np.mod(np.arange(MANY) * every_mm / own_mm, 1.0)
    return float(np.mean(share * (1.0 - share)) * own_mm**2)


def read_across(volume: Volume, frames: list[JointFrame]) -> list[float]:
    """The blur across slices, mm: of the whole scan, then about each joint."""
    seen = in_hu(volume)
    parts = (crop_to(seen.volume, frame.grid) for frame in frames)
    about = [read_scanner_about(part, seen.scanner) for part in parts if part is not None]
    return [scanner.blur_mm_xyz[2] for scanner in (seen.scanner.scanner, *about)]


def main() -> None:
    """Print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--heads", default=",".join(LABELLED), help="Comma-separated.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    places = ("scan", *map(str, Side))
    said, shares = Printed(), []
    names = ("head", "profile", "slices, mm", "blur, mm", *(f"share read, {at}" for at in places))
    said.heading(*names)
    centres = joint_centres(arguments.data / "tmj")
    for head in arguments.heads.split(","):
        volume = read_scan(arguments.data / "tmj" / head / "ct.nii.gz").volume
        frames = [JointFrame(side, centres[head][side]) for side in Side]
        own = np.square(read_across(volume, frames))
        for profile, mm, changed, added in thickened(volume):
            true = np.sqrt(own + added)
            share = read_across(changed, frames) / true
            shares.append(share)
            blur = " / ".join(f"{mm:.2f}" for mm in true)
            said.row(head, profile, f"{mm:.1f}", blur, *(f"{value:.2f}" for value in share))
    good = np.abs(np.log(shares)) <= np.log(WELL)
    cells = (f"{many} of {len(good)}" for many in good.sum(axis=0))
    said.row("all", "", "", f"within {100 * (WELL - 1):.0f} %", *cells)
    if arguments.write:
        said.write("accuracy.md", "SLICE BLUR")


if __name__ == "__main__":
    main()
