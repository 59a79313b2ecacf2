"""Whether the eyeballs tell that slices lie closer or farther apart than the header says.

    python -m benchmarks.eyeballs DATA [--write]

Every annotated head of ``DATA/tmj``: how much more its eyeballs look high than wide as it is
(``steps/eyeballs.py``; 1 is right), and from the least to the most when it is blurred, noisy, in
slices twice as thick, nodding or turned; and whether a wrong distance between slices in the header
is flagged. --write puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.faulty_stacks import heads
from benchmarks.scan_changes import binned, blurred, noisier, turned
from benchmarks.tables import markdown, write_table
from negvol_cli.geometry.grid import Vector, Volume, vector
from negvol_cli.steps.eyeballs import Eyeballs, eyeballs

FACTORS: Final = (0.5, 0.67, 0.8, 1.25, 1.5, 2.0)
TURNED: Final = 10.0
"""Degrees, about each axis either way."""
Head = tuple[Volume, list[Vector]]
"""A scan, and the centres of its right and left condyle."""


def changes(ct: Volume, joints: list[Vector]) -> Iterator[Head]:
    """The head otherwise, its slices as far apart as the header says all the same."""
    yield blurred(ct, 0.8), joints
    yield noisier(ct, 2.0), joints
    yield binned(ct, (1, 1, 2)), joints
    middle = ct.grid.to_world((np.array(ct.grid.size_xyz) - 1) / 2)
    for axis, way in product(range(3), (-TURNED, TURNED)):
        turn = Rotation.from_euler("xyz"[axis], -way, degrees=True)
        moved = [vector(turn.apply(joint - middle) + middle) for joint in joints]
        yield turned(ct, axis, way), moved


def with_slices_apart(ct: Volume, factor: float) -> Volume:
    """The scan with another distance between its slices in the header."""
    right, back, apart = ct.grid.spacing_mm_xyz
    return replace(ct, grid=replace(ct.grid, spacing_mm_xyz=(right, back, apart * factor)))


def row_of(head: str, ct: Volume, joints: list[Vector]) -> dict[str, str]:
    """What is told of one head."""
    right, left = joints
    found = eyeballs(ct, right, left)
    others = [eyeballs(changed, *places) for changed, places in changes(ct, joints)]
    cells = {
        "head": head,
        "as it is": _said(found),
        "changed": _range(others),
    }
    places = [ct.grid.to_index(joint) for joint in joints]
    for factor in FACTORS:
        wrong = with_slices_apart(ct, factor)
        right, left = (vector(wrong.grid.to_world(place)) for place in places)
        found = eyeballs(wrong, right, left)
        told = "yes" if found is not None and found.deny_header else "no"
        cells[f"header × {factor:g}"] = f"{told} ({_said(found)})"
    return cells


def rows(folder: Path) -> Iterator[dict[str, str]]:
    """A row for each head."""
    for head, ct, joints in heads(folder):
        yield row_of(head, ct, joints)


def _said(found: Eyeballs | None) -> str:
    return "–" if found is None else f"{found.stretched:.2f}"


def _range(found: Sequence[Eyeballs | None]) -> str:
    stretched = [one.stretched for one in found if one is not None]
    if not stretched:
        return "–"
    return f"{min(stretched):.2f} to {max(stretched):.2f} ({len(stretched)} of {len(found)})"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    given = parser.parse_args()
    table = markdown(list(rows(given.data / "tmj")))
    print(table, flush=True)
    if given.write:
        write_table("accuracy.md", "EYEBALLS", table)


if __name__ == "__main__":
    main()
