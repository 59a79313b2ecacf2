"""Whether it is told that a stack lacks slices, about the joints of real heads.

    python -m benchmarks.lost_slices DATA [--write]

Every annotated head of ``DATA/tmj``, as it is and with one to five axial slices left out at places
drawn within 12 mm above or below its condyles. Given are the greatest change between slices of the
head as it is, over that around it (``steps/lost_slices.py``), and in how many of the places the gap
is flagged. --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.faulty_stacks import PLACES, heads, places
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Grid, Vector, Volume
from negvol_cli.steps.lost_slices import greatest_jump, lost_slice_flags
from negvol_cli.steps.slices_about import slices_about

LOST: Final = (1, 2, 3, 5)


def without(ct: Volume, first: int, count: int) -> Volume:
    """The stack without ``count`` slices from number ``first`` on, as if it had never had them."""
    values = np.delete(ct.values_zyx, np.s_[first : first + count], axis=0)
    x, y, z = ct.grid.size_xyz
    grid = Grid((x, y, z - count), ct.grid.spacing_mm_xyz, ct.grid.origin_mm_xyz, ct.grid.direction)
    return Volume(values, grid)


def flagged(ct: Volume, centres_mm: list[Vector], count: int) -> int:
    """In how many of ``PLACES`` the loss of ``count`` slices is flagged."""
    rng = np.random.default_rng(count)
    firsts = places(ct, centres_mm, rng, lost=count)
    broken = (slices_about(without(ct, first, count), centres_mm) for first in firsts)
    return sum(bool(lost_slice_flags(about)) for about in broken)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    given = parser.parse_args()
    rows = []
    for head, ct, joints in heads(given.data / "tmj"):
        about = slices_about(ct, joints)
        jump = about and greatest_jump(about)
        cells = {
            "head": head,
            "slices, mm": f"{ct.grid.spacing_mm_xyz[2]:.2g}",
            "greatest change as it is": f"{jump.times:.2f}" if jump else "–",
        }
        said = {f"{n} lost": f"{flagged(ct, joints, n)} of {PLACES}" for n in LOST}
        rows.append(cells | said)
        print(rows[-1], flush=True)
    table = markdown(rows)
    print(f"\n{table}")
    if given.write:
        write_table("accuracy.md", "LOST SLICES", table)


if __name__ == "__main__":
    main()
