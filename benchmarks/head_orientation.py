"""How surely the localiser finds both joints of a head stored upright, and of one stored otherwise.

    python -m benchmarks.head_orientation ../shared/data [--every 2]

For each scan of ``tmj`` and every second of ``headneck``: the lesser confidence of the pair of
joints where the head lies as its header says, and the highest where the array is flipped. Where
``negvol_cli.steps.localise`` stops to look for other orientations follows from the gap.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from negvol_cli.io.image import read_scan
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.localise import HeadOrientation, Tiling, about_bone, coarse, pair_in, sureness


def confidences(data: Path, every: int) -> Iterator[tuple[str, float, float]]:
    """Each scan's name, its confidence upright, and the most of any flip of its array."""
    heat = load_models(None, Settings()).localiser
    tiling = Tiling.of(heat.spec)
    scans = sorted(data.glob("tmj/*/ct.nii.gz")) + sorted(data.glob("headneck/*.nii.gz"))[::every]
    for path in scans:
        small = about_bone(coarse(read_scan(path).volume, tiling.spacing_mm), tiling)
        image = tiling.normalised(small.values_zyx)
        found = {
            orientation: sureness(
                pair_in(np.flip(image, orientation.flipped_axes), small.grid, heat, tiling)
            )
            for orientation in HeadOrientation
        }
        upright = found.pop(HeadOrientation.UPRIGHT)
        yield "/".join(path.parts[-2:]), upright, max(found.values())


def main() -> None:
    """Print a line per scan and the gap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for name, upright, flipped in confidences(args.data, args.every):
        print(f"{name}: upright {upright:.3f}, flipped at most {flipped:.3f}", flush=True)
        rows.append((upright, flipped))
    least, most = min(row[0] for row in rows), max(row[1] for row in rows)
    print(f"{len(rows)} scans: upright at least {least:.3f}, flipped at most {most:.3f}")


if __name__ == "__main__":
    main()
