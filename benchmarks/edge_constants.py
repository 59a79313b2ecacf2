"""How much the constants matter by which the edge of bone is found.

    python -m benchmarks.edge_constants [--write]

Each constant is halved and doubled, the others as they are, in one joint of a varied phantom,
outlined as networks do it and seen by two scanners (``benchmarks.edges``); the other constants name
their source where they stand.
Given is, of both bones, the greatest change of the median offset from the phantom's own surface,
and the greatest rise of the median of its size, in mm.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.edges import FIRST_SEED, Joint, scans
from benchmarks.tables import asked_to_write, markdown, write_table
from negvol_cli.geometry.grid import Volume
from negvol_cli.phantom import Variety, draw_head
from negvol_cli.steps import edge_fit, edge_smoothing
from negvol_cli.steps.calibrate_hu import scanner_of
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.steps.scanner import Scanner
from negvol_cli.structures import Label, Side

MODULES: Final[dict[ModuleType, str]] = {
    edge_fit: (
        "IN_REACH_MM THIN_MM LINING_MM EDGE_LIMITS_MM GRAIN MOST_MISFIT LEAST_CERTAIN_MM ROUNDS"
    ),
    edge_smoothing: "NEIGHBOURS FARTHEST_MM LIKE_NORMALS STEP_SD_MM OUTLIER ROUNDS SWEEPS",
}
SEEN_BY: Final = ("0.8, blur 0.45", "1 × 1 × 2, blur 0.6")
BONES: Final = {"condyle": Label.CONDYLE, "temporal_bone": Label.TEMPORAL_BONE}

Figures = npt.NDArray[np.float64]
Seen = tuple[Volume, Scanner]


def main() -> None:
    """Print a row per constant and factor."""
    write = asked_to_write()
    if sys.argv[1:]:
        sys.exit(__doc__)
    head = draw_head(FIRST_SEED, variety=Variety(), open_mm=0.0)
    joint = Joint.of(head, Side.RIGHT)
    shown = dict(scans(head, np.array(joint.frame.centre_mm_xyz)))
    seen = [(shown[name], scanner_of(shown[name])) for name in SEEN_BY]
    plain = figures(joint, seen)
    print(plain.round(3), file=sys.stderr)
    rows = []
    for module, names in MODULES.items():
        for name in names.split():
            for factor in (0.5, 2.0):
                before = getattr(module, name)
                with patch.object(module, name, value := scaled(before, factor)):
                    off = figures(joint, seen) - plain
                called = f"`{module.__name__.split('.')[-1]}.{name}`"
                rows.append({"constant": called, "is": before, "made": value} | cells(off))
                print(rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))
    if write:
        write_table("accuracy.md", "EDGE CONSTANTS", markdown(rows))


def scaled(value: object, factor: float) -> object:
    """A number or several times ``factor``; a whole number stays one."""
    if isinstance(value, tuple):
        return tuple(v * factor for v in value)
    assert isinstance(value, int | float)
    return type(value)(value * factor)


def figures(joint: Joint, seen: list[Seen]) -> Figures:
    """(S, 2, 2): of each scanner and bone the median offset and the median of its size, mm."""
    found = []
    for ct, scanner in seen:
        refined = refine_edges(joint.drawn, ct, scanner)
        bones = [
            np.concatenate([*joint.offsets(getattr(refined, name), own, moved=True).values()])
            for name, own in BONES.items()
        ]
        found.append([(np.median(away), np.median(np.abs(away))) for away in bones])
    return np.array(found)


def cells(off: Figures) -> dict[str, str]:
    """Of each scanner the greatest change of an offset and the greatest rise of its size."""
    return {
        name: f"{np.abs(change[:, 0]).max():.3f}, {np.round(change[:, 1].max(), 3) + 0.0:+.3f}"
        for name, change in zip(SEEN_BY, off, strict=True)
    }


if __name__ == "__main__":
    main()
