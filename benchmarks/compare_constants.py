"""How much the constants matter by which one result is laid onto another.

    python -m benchmarks.compare_constants [--write]

Each constant is halved and doubled (a share or a cosine to 0.95 at most), the others as they are,
on the exact surfaces of a phantom head that lies turned and shifted, its condyles moved, turned and
worn by known amounts: both joints, one joint alone, and one joint with the CT about it. Given is by
how much, at most, the condyle's shift, its turn, the bone lost or gained and the halves of the
intervals of shift and turn then change. No network is needed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType
from typing import Final
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.tables import asked_to_write, markdown, write_table
from negvol_cli.comparison import condyle, cranial_base, intensities, registration
from negvol_cli.comparison.compared import compare_results
from negvol_cli.comparison.stored import StoredResult
from negvol_cli.geometry import align
from negvol_cli.geometry.grid import Grid, vector
from negvol_cli.phantom import CondyleChange, PhantomHead, ScanSettings, changed
from negvol_cli.structures import Side
from tests.comparison.made import head, result

MODULES: Final[dict[ModuleType, str]] = {
    registration: "DIRECTION_MM LEAST_SD_MM LEAST_SLOPE CLUSTER_MM STILL_MM LEAST_PAIRS FACING",
    cranial_base: (
        "REACH_MM COARSE_REACH_MM FINE_REACH_MM FACE_MM OUT_OF_FACE FEW MANY QUICK_ROUNDS "
        "COARSE_ROUNDS BEST SURE_MM SURE_OVERLAP"
    ),
    condyle: (
        "PROCESS_MM HEAD_MM HEAD_BELOW_MM CUT_MM PATCH_MM PATCH_SHARE FINE_REACH_MM POINTS "
        "LEAST_BELOW SURE_MM SURE_OVERLAP FARTHEST_MM"
    ),
    intensities: "BESIDE_MM FARTHEST_MM FARTHEST_DEGREES LEAST_VOXELS BLOCK",
    align: "SHARE STEP_MM LEAST_STEP_MM ROUNDS RELAXED",
}
SHARES: Final = ("FACING", "OUT_OF_FACE", "SURE_OVERLAP", "PATCH_SHARE", "SHARE", "RELAXED")
MOST_SHARE: Final = 0.95
"""A cosine or share of 1 leaves nothing, or everything; 0.95 is what is still a setting."""
TURN, SHIFT = (4.0, -3.0, 5.0), (6.0, -4.0, 9.0)
CHANGES: Final = {
    Side.LEFT: CondyleChange(turn_degrees=(2.0, 1.0, -2.5), shift_mm=(0.8, -1.2, -1.5)),
    Side.RIGHT: CondyleChange(worn_mm=1.0),
}
ALONE: Final = {
    Side.LEFT: CondyleChange(turn_degrees=(5.0, 0.0, 0.0), shift_mm=(0.5, -1.0, -1.2)),
}
COLUMNS: Final = {
    "shift, mm": slice(0, 3),
    "turn, °": slice(3, 6),
    "lost or gained, mm": slice(6, 8),
    "± of shift, mm": slice(8, 11),
    "± of turn, °": slice(11, 14),
}

Pair = tuple[StoredResult, StoredResult]
Figures = npt.NDArray[np.float64]


def main() -> None:
    """Print a row per constant and factor."""
    write = asked_to_write()
    if sys.argv[1:]:
        sys.exit(__doc__)
    pairs = list(made_pairs())
    plain = figures(pairs)
    rows = []
    for module, names in MODULES.items():
        for name in names.split():
            for factor in (0.5, 2.0):
                before = getattr(module, name)
                value = type(before)(before * factor)
                value = min(value, MOST_SHARE) if name in SHARES else value
                with patch.object(module, name, value):
                    off = np.abs(figures(pairs) - plain)
                called = f"`{module.__name__.split('.')[-1]}.{name}`"
                rows.append(
                    {"constant": called, "is": f"{before:g}", "made": f"{value:g}"} | most(off)
                )
                print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    if write:
        write_table("accuracy.md", "COMPARISON CONSTANTS", markdown(rows))


def made_pairs() -> tuple[Pair, ...]:
    """BEFORE and AFTER: both joints, one alone, and that one with its CT."""
    both = result(), result(changes=CHANGES, turn=TURN, shift=SHIFT)
    sides = tuple(ALONE)
    alone = result(sides=sides), result(changes=ALONE, sides=sides, turn=TURN, shift=SHIFT)
    posed = changed(head().moved(TURN, SHIFT), Side.LEFT, ALONE[Side.LEFT])
    first = ScanSettings(noise_hu=10.0, blur_mm=0.5)
    other = ScanSettings(noise_hu=25.0, blur_mm=0.7, gain=0.9, offset_hu=40.0)
    seen = _scanned(alone[0], head(), first, 1), _scanned(alone[1], posed, other, 2)
    return both, alone, seen


def _scanned(given: StoredResult, of: PhantomHead, by: ScanSettings, seed: int) -> StoredResult:
    """The result with the CT of its left joint: 42 mm at 1 mm."""
    joint = given.joints[Side.LEFT]
    grid = Grid((42,) * 3, (1.0,) * 3, vector(joint.centre_mm - 20.5))
    return replace(given, joints={Side.LEFT: replace(joint, ct=of.scan(grid, by, seed))})


def figures(pairs: list[Pair]) -> Figures:
    """(J, 14): of each joint compared, what ``COLUMNS`` names; NaN where it is not given."""
    rows = []
    for before, after in pairs:
        found = compare_results(before, after).comparison
        for side in before.joints:
            joint = found.right if side is Side.RIGHT else found.left
            row = np.full(14, np.nan)
            if (moved := joint.movement) is not None:
                row[:6] = [*moved.shift_mm_xyz, *moved.turn_degrees_xyz]
                row[8:] = [*moved.shift_half_95_mm_xyz, *moved.turn_half_95_degrees_xyz]
            if (worn := joint.remodelling) is not None:
                row[6:8] = worn.lost_mm, worn.gained_mm
            rows.append(row)
    return np.array(rows)


def most(off: Figures) -> dict[str, str]:
    """The greatest change in each column; a dash where a figure came or went."""
    cells = {name: float(off[:, at].max()) for name, at in COLUMNS.items()}
    return {name: "–" if np.isnan(value) else f"{value:.3f}" for name, value in cells.items()}


if __name__ == "__main__":
    main()
