"""How much the constants matter by which a scanner's blur, noise and levels are read off a scan.

    python -m benchmarks.scanner_constants DATA [--write]

Each constant is halved and doubled, the others as they are, on the real scans of DATA/tmj. Given is
by how much the blur (the widest axis, in per cent), the noise (per cent) and the intensities of air
and soft tissue (HU) then change: the median over the scans, and the most. Constants without another
source were left as they are because of this table: nothing hangs on them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.heads import labelled_but
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.image import read_scan
from negvol_cli.steps import air_edges, calibrate_hu, noise, scanner

SCANS = (*labelled_but("medimodel", "visible-female"), "planning-3mm")
CONSTANTS: dict[Any, tuple[str, ...]] = {
    air_edges: (
        *(
            "MOST_EDGES",
            "ROUNDS",
            "PITCH_MM",
            "LOOK_MM",
            "DIRECTION_MM",
            "STEEP",
            "SEEN_MM",
            "BESIDE_MM",
        ),
        *("EXPECTED_MISFIT_HU", "MOST_MISFIT", "AIR_SPREAD_HU", "WIDTH_LOG_SD", "FARTHEST_MM"),
    ),
    noise: ("PITCH_MM", "EVEN_HU", "FEWEST"),
    calibrate_hu: ("_BIN", "_SMOOTH_BINS", "_LEAST_PROMINENCE", "_BLOCK_MM", "_SLABS", "APART_HU"),
    scanner: ("EXPECTATION", "QUANTILE_ROUNDS"),
}

Figures = np.ndarray[tuple[int], np.dtype[np.float64]]


def main() -> None:
    """Print a row per constant."""
    if sys.argv[2:] not in ([], ["--write"]) or len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1]) / "tmj"
    volumes = [read_scan(folder / name / "ct.nii.gz").volume for name in SCANS]
    plain = np.array([figures(volume) for volume in volumes])
    rows = []
    for module, names in CONSTANTS.items():
        for name in names:
            for factor in (0.5, 2.0):
                with scaled(module, name, factor):
                    changed = np.array([figures(volume) for volume in volumes])
                rows.append(
                    row(f"`{module.__name__.split('.')[-1]}.{name}`", factor, plain, changed)
                )
                print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    if "--write" in sys.argv:
        write_table("accuracy.md", "SCANNER CONSTANTS", markdown(rows))


def figures(volume: Volume) -> Figures:
    """Widest blur in mm, noise in HU, and the intensities of air (NaN for none) and tissue."""
    found = calibrate_hu.scanner_of(volume)
    return np.array([max(found.blur_mm_xyz), found.noise_hu, found.air_hu, found.tissue_hu])


def row(name: str, factor: float, plain: Figures, changed: Figures) -> dict[str, object]:
    """Median and greatest change of each figure over the scans (S, 4)."""
    change = np.abs(changed - plain)
    change[:, :2] *= 100.0 / np.maximum(plain[:, :2], 1e-9)
    cells = [f"{np.median(c):.1f} ({c.max():.1f})" for c in change.T]
    heads = ("blur, %", "noise, %", "air, HU", "tissue, HU")
    return {"constant": name, "times": f"{factor:g}", **dict(zip(heads, cells, strict=True))}


@contextmanager
def scaled(module: Any, name: str, factor: float) -> Iterator[None]:
    """The module with one constant times ``factor``; a whole number stays one."""
    before = getattr(module, name)
    setattr(module, name, type(before)(before * factor))
    try:
        yield
    finally:
        setattr(module, name, before)


if __name__ == "__main__":
    main()
