"""How much the figures of real heads change when their scans are made worse on purpose.

    python -m benchmarks.degraded_scans DATA [--heads A,B] [--bundle B] [--keep F] [--write]

Every head of ``DATA/tmj`` is measured as it is, blurred, binned, with other intensities and with
three times its noise; the sharpest also as other reconstructions of the same acquisition, through
two kernels and three slice profiles (where the field of view cuts the sphere, in a smaller one).
Nothing of this changes the head, so nothing should change the
figures, or the report should say why they may have changed. --keep stores every run and goes on
from there; --write puts the tables into docs/accuracy.md: what changed, and how many of the
intervals that are stated of the changed scan hold the figure of the undisturbed one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.heads import HEADS
from benchmarks.repeated_runs import VOLUMES, WAYS, Found, Runs, figure, halves_now, settings_for
from benchmarks.scan_changes import (
    Change,
    Slices,
    binned,
    blurred,
    noisier,
    reconstructed,
    rescaled_hu,
)
from benchmarks.tables import markdown, write_table
from negvol_cli.io.image import read_scan
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Side

SHARPEST: Final = ("sharp-base", "visible-male")
CHANGES: Final[dict[str, Change]] = {
    "blurred by 0.5 mm": partial(blurred, sd_mm=0.5),
    "voxels binned 2 × 2 × 2": partial(binned, many_xyz=(2, 2, 2)),
    "voxels binned 1 × 1 × 2": partial(binned, many_xyz=(1, 1, 2)),
    "+100 HU": partial(rescaled_hu, offset_hu=100.0),
    "−100 HU": partial(rescaled_hu, offset_hu=-100.0),
    "gain 0.85": partial(rescaled_hu, gain=0.85),
    "gain 1.15": partial(rescaled_hu, gain=1.15),
    "noise × 3": partial(noisier, times=3.0),
}
PROFILES: Final = (Slices(1.25, 1.25), Slices(2.0, 1.0), Slices(4.0, 0.7))
KERNELS: Final = {"soft": -0.4, "bone": 0.7}
RECONSTRUCTIONS: Final[dict[str, Change]] = {
    f"{kernel} kernel, {slices}": partial(reconstructed, sharpen=sharpen, slices=slices)
    for kernel, sharpen in KERNELS.items()
    for slices in PROFILES
}
NV_PERCENT, SPACE_MM, POINTS = 3.0, 0.2, 2.0


def main() -> None:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--heads", default=",".join(HEADS), help="Comma-separated.")
    parser.add_argument("--quick", action="store_true", help="Three heads, four changes.")
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--keep", type=Path, help="A file of runs to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    runs = Runs(lambda: load_models(arguments.bundle, Settings()), arguments.keep)
    heads = arguments.heads.split(",")
    changes = CHANGES | RECONSTRUCTIONS
    if arguments.quick:
        heads, changes = heads[:3], dict(list(CHANGES.items())[:4])
    pairs: dict[str, list[tuple[Found, Found]]] = {name: [] for name in changes}
    for head in heads:
        scan = read_scan(arguments.data / "tmj" / head / "ct.nii.gz")
        settings = settings_for(head)
        plain = runs.of(f"{head}, as it is", scan, lambda volume: volume, settings)
        for name, change in changes.items():
            if name in CHANGES or head in SHARPEST:
                changed_run = runs.of(f"{head}, {name}", scan, change, settings)
                pairs[name].append((plain, halves_now(changed_run)))
    table = markdown([row_of(name, found) for name, found in pairs.items() if found])
    print(f"\n{table}")
    everything = [pair for found in pairs.values() for pair in found]
    intervals = markdown([{"intervals that hold the undisturbed figure": "", **held(everything)}])
    print(f"\n{intervals}")
    if arguments.write:
        write_table("accuracy.md", "DEGRADED", table)
        write_table("accuracy.md", "DEGRADED INTERVALS", intervals)


def row_of(name: str, pairs: list[tuple[Found, Found]]) -> dict[str, str]:
    """One change over all heads: median and greatest size of what it does to each figure."""
    nv, space = list(changed(pairs, "nv_mm3")), list(changed(pairs, "superior"))
    points = [
        abs(after["asymmetry"] - before["asymmetry"])
        for before, after in pairs
        if None not in (before.get("asymmetry"), after.get("asymmetry"))
    ]
    good = sum(figure(before, side, "nv_mm3") is not None for before, _ in pairs for side in Side)
    lost = good - len(nv)
    silent = sum(
        wrong and not said for wrong, said in zip(over(pairs), flagged(pairs), strict=True)
    )
    return {
        "change": name,
        "joints": str(good),
        "no longer measured": str(lost),
        "NV %: median, greatest": extremes(nv, 1),
        f"within {NV_PERCENT:g} %": share(nv, NV_PERCENT),
        "superior space mm": extremes(space, 2),
        f"within {SPACE_MM:g} mm": share(space, SPACE_MM),
        "asymmetry, points": extremes(points, 1),
        f"within {POINTS:g}": share(points, POINTS),
        "NV off and nothing said": str(silent),
    }


def changed(pairs: list[tuple[Found, Found]], name: str) -> Iterator[float]:
    """By how much a figure changed in joints that are ok before and after: per cent, or mm."""
    for before, after in pairs:
        for side in Side:
            a, b = figure(before, side, name), figure(after, side, name)
            if a is not None and b is not None:
                yield 100 * (b / a - 1) if name.endswith("mm3") else b - a


def held(pairs: list[tuple[Found, Found]]) -> dict[str, str]:
    """Of each figure, how many intervals of the changed scan hold the undisturbed figure."""
    inside: dict[str, list[bool]] = {}
    for before, after in pairs:
        for side in Side:
            halves = after.get(str(side), {}).get("halves", {})
            for name in (*VOLUMES, *WAYS):
                was, now = figure(before, side, name), figure(after, side, name)
                half = halves.get(name)
                if was is not None and now is not None and half is not None:
                    inside.setdefault(name, []).append(abs(now - was) <= half)
        was, now = before.get("asymmetry"), after.get("asymmetry")
        half = after.get("asymmetry_half")
        if was is not None and now is not None and half is not None:
            inside.setdefault("asymmetry", []).append(abs(now - was) <= half)
    return {
        name: f"{100 * np.mean(values):.0f} % of {len(values)}" for name, values in inside.items()
    }


def over(pairs: list[tuple[Found, Found]]) -> list[bool]:
    """Of each joint that is ok before and after: whether NV changed too much."""
    return [abs(change) > NV_PERCENT for change in changed(pairs, "nv_mm3")]


def flagged(pairs: list[tuple[Found, Found]]) -> list[bool]:
    """Of the same joints: whether the report says anything that it did not say before."""
    found = []
    for before, after in pairs:
        for side in Side:
            if None in (figure(before, side, "nv_mm3"), figure(after, side, "nv_mm3")):
                continue
            then, now = ({*run["flags"], *run[str(side)]["flags"]} for run in (before, after))
            found.append(bool(now - then))
    return found


def extremes(values: list[float], digits: int) -> str:
    """The median, and the value of greatest size."""
    if not values:
        return "–"
    return f"{np.median(values):+.{digits}f}, {max(values, key=abs):+.{digits}f}"


def share(values: list[float], limit: float) -> str:
    """How many of all values are no greater than the limit in size."""
    return f"{sum(abs(v) <= limit for v in values)} of {len(values)}" if values else "–"


if __name__ == "__main__":
    main()
