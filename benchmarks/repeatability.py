"""How much ``negvol run`` changes its figures when only the scan changes, not the head.

    python -m benchmarks.repeatability DATA [--heads A,B] [--full] [--keep F] [--write]

Each head of ``DATA/tmj`` is measured as it is, with three of the slices of 0.4 to 2.5 mm (always
with 2.5), turned by one of 5, 10 and 15 degrees about each axis, and with its noise doubled; which
slices and which angles goes in turn over the heads. With --full each head goes through all of them.
Where the field of view cuts the sphere, a smaller one is measured.
The coefficient of variation is over all runs of a joint; the spread of each kind of change is given
beside it. --keep stores every run and goes on from there; --write puts the table into
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.heads import HEADS
from benchmarks.repeated_runs import VOLUMES, Runs, figure, settings_for
from benchmarks.scan_changes import Change, noisier, turned, with_slices
from benchmarks.tables import markdown, write_table
from negvol_cli.io.image import read_scan
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Side

SLICES_MM: Final = (0.4, 0.8, 1.2, 1.5, 2.5)
ANGLES_DEG: Final = (5.0, 10.0, 15.0)
KINDS: Final = ("all", "slices", "turned", "noise")


def changes(turn: int | None) -> Iterator[tuple[str, str, Change]]:
    """The kind of change, its name, and what makes it, for head number ``turn``; None: all."""
    yield "", "as it is", lambda volume: volume
    for index, mm in enumerate(SLICES_MM):
        if turn is None or mm == SLICES_MM[-1] or (index + turn) % 2:
            yield "slices", f"{mm:g} mm slices", partial(with_slices, mm=mm)
    for axis, name in enumerate("xyz"):
        for index, degrees in enumerate(ANGLES_DEG):
            if turn is not None and (index + axis + turn) % len(ANGLES_DEG):
                continue
            signed = degrees if axis != 1 else -degrees
            change = partial(turned, axis=axis, degrees=signed)
            yield "turned", f"{signed:g} degrees about {name}", change
    yield "noise", "noise doubled", partial(noisier, times=2.0)


def main() -> None:
    """Print every figure, and the coefficients of variation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--heads", default=",".join(HEADS), help="Comma-separated.")
    parser.add_argument("--full", action="store_true", help="Every change of every head.")
    parser.add_argument("--keep", type=Path, help="A file of runs to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    runs = Runs(lambda: load_models(arguments.bundle, Settings()), arguments.keep)
    rows: list[dict[str, str]] = []
    for head in arguments.heads.split(","):
        turn = None if arguments.full else HEADS.index(head)
        path = arguments.data / "tmj" / head / "ct.nii.gz"
        rows += rows_of(head, path, list(changes(turn)), runs)
    table = markdown(rows)
    print(f"\nCoefficients of variation, per cent\n\n{table}")
    if arguments.write:
        write_table("accuracy.md", "REPEATABILITY", table)


def rows_of(
    head: str, path: Path, made: list[tuple[str, str, Change]], runs: Runs
) -> Iterator[dict[str, str]]:
    """The row of each joint of one head that ``made`` changes to."""
    scan = read_scan(path)
    values: dict[tuple[Side, str, str], list[float]] = defaultdict(list)
    for kind, name, change in made:
        run = runs.of(f"{head}, {name}", scan, change, settings_for(head))
        for side in Side:
            for volume in VOLUMES:
                value = figure(run, side, volume)
                for group in {"all", kind} if kind else set(KINDS):
                    if value is not None:
                        values[side, volume, group].append(value)
    nv, articular, of_head = VOLUMES
    for side in Side:
        row = {"head": head, "side": str(side)}
        row["runs that are ok"] = f"{len(values[side, nv, 'all'])} of {len(made)}"
        row |= {f"NV, {kind}": variation(values[side, nv, kind]) for kind in KINDS}
        row["articular NV, all"] = variation(values[side, articular, "all"])
        row["head volume, all"] = variation(values[side, of_head, "all"])
        yield row


def variation(values: list[float]) -> str:
    """The coefficient of variation in per cent; a dash for fewer than two values."""
    if len(values) < 2:
        return "–"
    return f"{100 * np.std(values, ddof=1) / np.mean(values):.1f}"


if __name__ == "__main__":
    main()
