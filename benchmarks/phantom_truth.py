"""How far every figure is from the truth, on phantoms seen by scanners of every kind.

    python -m benchmarks.phantom_truth [--heads N] [--each K | --full] [--keep F] [--write]
    python -m benchmarks.phantom_truth --choosing [--scanner NAME] [--keep F]

Each of N heads (12) is seen on K of the grids (2), in turn, so that all grids see as many heads,
and every third by a cone-beam machine; with --full each head is seen on every grid, which takes one
core some two hours. Blur, noise, gain and offset are drawn anew for each. It is measured twice:
from its own topology (what belongs to which bone, with edges as wrong as a network's), that is by
all but the networks, and by the whole run. The truth comes from the phantom's own surfaces, by code
that the product does not share. --keep stores every joint in a file of JSON lines and goes on where
that file ends; --write puts the tables into docs/accuracy.md. --choosing sees 24 other
heads, on which the constants of ``steps/uncertainty.py`` are chosen, each in one scanner in turn,
or all in the one that --scanner names.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.intervals import Grounds, grounds_of_basis, halves_from
from benchmarks.phantom_cases import (
    CONE_BEAM,
    GRIDS,
    Case,
    Phantom,
    cases,
    choosing_cases,
    cone_beam_cases,
)
from benchmarks.tables import markdown, write_table
from benchmarks.topology import measure_topology
from negvol_cli.errors import NegvolError
from negvol_cli.geometry.grid import Points, Volume
from negvol_cli.io.image import Scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.phantom import PhantomTruth
from negvol_cli.phantom.probe import gradient
from negvol_cli.phantom.truth import offsets
from negvol_cli.pipeline import measure_ct
from negvol_cli.report import JointReport
from negvol_cli.run import Models, Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.uncertainty import asymmetry_points
from negvol_cli.structures import Label, Side

VOLUMES: Final = ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
WAYS: Final = ("superior", "anterior", "posterior")
NEAR_MM: Final = 15.0
FACING_MM: Final = 8.0
FACING_COSINE: Final = -0.5
SCANNERS: Final = [*GRIDS, CONE_BEAM]
METHODS: Final = {"topology": "exact topology", "run": "whole run"}
HEADS: Final = 12
CLIP_MM: Final = Settings().clip.width_mm / 2
HEADINGS: Final = (
    "scanner, mm",
    "joints",
    "not measured",
    "MC edge",
    "TB edge",
    *WAYS,
    "NV %",
    "articular NV %",
    "head %",
)
Record = dict[str, Any]


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--each", type=int, default=2, help="Grids that each head is seen on.")
    parser.add_argument("--full", action="store_true", help="Every head in every scanner.")
    parser.add_argument("--choosing", action="store_true", help="Heads that judge nothing.")
    parser.add_argument("--scanner", choices=SCANNERS, help="That all of --choosing's heads see.")
    parser.add_argument("--only", choices=list(METHODS), help="One of the two ways alone.")
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--keep", type=Path, help="A file of results to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    if arguments.choosing and arguments.write:
        parser.error("docs/accuracy.md is of the heads that judge: leave --choosing or --write out")
    if arguments.scanner and not arguments.choosing:
        parser.error("the heads that judge see their scanners in turn: give --choosing too")
    each = len(GRIDS) if arguments.full else arguments.each
    scanners = [arguments.scanner] if arguments.scanner else SCANNERS
    chosen = (
        list(choosing_cases(scanners)) if arguments.choosing else judging(arguments.heads, each)
    )
    ways = [arguments.only] if arguments.only else list(METHODS)
    models = load_models(arguments.bundle, Settings()) if "run" in ways else None
    records = [with_halves(r) for r in measured(chosen, ways, models, arguments.keep)]
    for way in ways:
        found = [record for record in records if record["way"] == way]
        table = markdown(summary(found, SCANNERS))
        print(f"\n{METHODS[way]}\n\n{table}")
        holds = markdown(intervals(found, way))
        print(f"\n{holds}")
        if arguments.write:
            write_table("accuracy.md", f"PHANTOM {way.upper()}", table)
            write_table("accuracy.md", f"INTERVALS {way.upper()}", holds)


def judging(heads: int, each: int) -> list[Case]:
    """The cases of the first ``heads`` heads, each on so many grids, and of some a cone beam."""
    everything = [*cases(HEADS, list(GRIDS)), *cone_beam_cases(HEADS)]
    return [case for case in everything if case.head < heads and in_turn(case, each)]


def in_turn(case: Case, each: int) -> bool:
    """Whether a head is seen by this scanner, where each is seen on so many grids of all."""
    if case.scanner == CONE_BEAM:
        return case.head % 3 == 0
    grid = list(GRIDS).index(case.scanner)
    return any((case.head + 3 * turn) % len(GRIDS) == grid for turn in range(each))


def measured(
    chosen: list[Case], ways: list[str], models: Models | None, keep: Path | None
) -> Iterator[Record]:
    """A record for each joint of each case and way, those kept before included."""
    known: dict[str, list[Record]] = {}
    if keep is not None and keep.exists():
        for line in keep.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            known.setdefault(record["key"], []).append(record)
    for number in sorted({case.head for case in chosen}):
        phantom = Phantom(number)
        for case in (case for case in chosen if case.head == number):
            missing = [way for way in ways if f"{case.key} {way}" not in known]
            scan = phantom.scan(case) if missing else None
            for way in ways:
                key = f"{case.key} {way}"
                if key not in known and scan is not None:
                    known[key] = list(joints(phantom, case, scan, way, models))
                    _store(keep, known[key])
                    print("\n".join(map(line_of, known[key])), flush=True)
                yield from known[key]


def _store(keep: Path | None, records: list[Record]) -> None:
    if keep is not None:
        with keep.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)


def joints(
    phantom: Phantom, case: Case, scan: Volume, way: str, models: Models | None
) -> Iterator[Record]:
    """Both joints of one scan, by one way."""
    reports: dict[Side, JointReport | None] = dict.fromkeys(Side)
    shapes: dict[Side, JointGeometry | None] = dict.fromkeys(Side)
    grounds: dict[Side, Grounds] = {side: {} for side in Side}
    why = ""
    try:
        if way == "topology":
            for side in Side:
                shapes[side], grounds[side] = measure_topology(
                    phantom.topology(side), phantom.frame(side), scan, Settings()
                )
        elif models is not None:
            name = case.key.replace(" ", "-")
            run = Run(settings=Settings(), backend=load_backend(), models=models)
            found = measure_ct(Scan(scan, scan.grid, name), (), run)
            for side, view in found.views.items():
                shapes[side] = view.geometry
                grounds[side] = grounds_of_basis(view.geometry, view.basis, CLIP_MM)
            reports = {side: found.report.joint(side) for side in Side}
    except NegvolError as err:
        why = str(err)
    except (LookupError, ValueError) as err:
        why = f"crashed: {err!r}"
    for side in Side:
        record = record_of(
            phantom, case, way, side, shape=shapes[side], report=reports[side], why=why
        )
        yield record | {"grounds": grounds[side]}


def record_of(
    phantom: Phantom,
    case: Case,
    way: str,
    side: Side,
    *,
    shape: JointGeometry | None,
    report: JointReport | None,
    why: str,
) -> Record:
    """What one joint gave, and what is true."""
    truth = phantom.truth(side)
    record: Record = {
        "key": f"{case.key} {way}",
        "way": way,
        "scanner": case.scanner,
        "side": str(side),
        "machine": repr(case.machine),
        "status": why or (report.status_text if report else "ok"),
        "truth": _figures(truth, truth.joint_space_mm),
    }
    source: Any = report or shape
    space = getattr(source, "joint_space_mm" if report else "joint_space", None)
    if source is not None and source.nv_mm3 is not None:
        record["measured"] = _figures(source, space)
    if shape is not None:
        record["edges"] = edges(phantom, shape, truth)
    return record


def _figures(source: Any, space: Any) -> dict[str, float | None]:
    figures = {name: getattr(source, name) for name in VOLUMES}
    return figures | {way: getattr(space, way, None) for way in WAYS}


def edges(phantom: Phantom, shape: JointGeometry, truth: PhantomTruth) -> dict[str, list[float]]:
    """Of MC's and TB's vertices: median offset from the true surface and median of its size, mm.

    Vertices within 15 mm of the head's centre count, of TB those that face MC less than 8 mm off.
    """
    mandible, bone = (phantom.head.solid(label) for label in (Label.CONDYLE, Label.TEMPORAL_BONE))
    centre = np.array(truth.head_centre_mm)

    def near(points: Points) -> Points:
        world = shape.frame.to_world(points)
        return np.asarray(world[np.linalg.norm(world - centre, axis=1) <= NEAR_MM])

    condyle, facing = near(shape.condyle.points_mm), near(shape.temporal_bone.points_mm)
    facing = facing[mandible(facing) < FACING_MM]
    if len(facing):
        away, out = gradient(mandible, facing), gradient(bone, facing)
        cosine = np.einsum("ij,ij->i", away, out)
        cosine /= np.linalg.norm(away, axis=1) * np.linalg.norm(out, axis=1) + 1e-9
        facing = facing[cosine < FACING_COSINE]
    found = {}
    for name, solid, points in (("MC", mandible, condyle), ("TB", bone, facing)):
        off = np.clip(offsets(solid, points), -3.0, 3.0) if len(points) else np.array([np.nan])
        found[name] = [float(np.median(off)), float(np.median(np.abs(off)))]
    return found


def errors(records: list[Record], figure: str) -> list[float]:
    """Measured against true: mm, or per cent of volumes."""
    found = []
    for record in records:
        measured, true = record.get("measured", {}).get(figure), record["truth"][figure]
        if measured is not None and true is not None:
            found.append(100 * (measured / true - 1) if figure in VOLUMES else measured - true)
    return found


def intervals(records: list[Record], way: str) -> list[dict[str, str]]:
    """A row for each scanner and one for all: how many intervals hold, and their median half."""
    rows = []
    for scanner in [*SCANNERS, "all"]:
        own = [record for record in records if scanner in (record["scanner"], "all")]
        shares, halves = coverage(own, way), half_widths(own, way)
        cells = {name: f"{share}{halves.get(name, '')}" for name, share in shares.items()}
        rows.append({"intervals that hold the truth": scanner} | cells)
    return rows


def coverage(records: list[Record], way: str) -> dict[str, str]:
    """How many of the stated 95 % intervals hold the truth, per figure; all measured one way."""
    own = [record for record in records if record["way"] == way]
    shares = {figure: share_of(held(own, figure)) for figure in (*VOLUMES, *WAYS)}
    return shares | {"asymmetry": share_of(asymmetries_held(own))}


def half_widths(records: list[Record], way: str) -> dict[str, str]:
    """The median half of each figure's intervals, all measured one way: per cent, or mm."""
    found = {}
    for figure in (*VOLUMES, *WAYS):
        halves = []
        for record in records:
            half = record.get("halves", {}).get(figure)
            measured = record.get("measured", {}).get(figure)
            if record["way"] == way and None not in (half, measured):
                halves.append(100 * half / measured if figure in VOLUMES else half)
        if halves:
            unit = f"{np.median(halves):.1f} %" if figure in VOLUMES else f"{np.median(halves):.2f}"
            found[figure] = f", ± {unit}"
    return found


def held(records: list[Record], figure: str) -> list[bool]:
    """Of the joints that have this figure: whether its interval holds the truth."""
    inside = []
    for record in records:
        half = record.get("halves", {}).get(figure)
        measured, true = record.get("measured", {}).get(figure), record["truth"][figure]
        if None not in (half, measured, true):
            inside.append(abs(measured - true) <= half)
    return inside


def asymmetries_held(records: list[Record]) -> list[bool]:
    """Of the scans with both joints measured: whether the interval of NV's asymmetry holds."""
    scans: dict[str, list[Record]] = {}
    for record in records:
        if "measured" in record and "halves" in record:
            scans.setdefault(record["key"], []).append(record)
    inside = []
    for one, other in (pair for pair in scans.values() if len(pair) == len(Side)):
        a, b = ((r["measured"]["nv_mm3"], r["halves"]["nv_mm3"]) for r in (one, other))
        true = signed_percent(one["truth"]["nv_mm3"], other["truth"]["nv_mm3"])
        inside.append(abs(signed_percent(a[0], b[0]) - true) <= asymmetry_points(a, b))
    return inside


def signed_percent(a: float, b: float) -> float:
    """100·(a-b)/(a+b)."""
    return 100.0 * (a - b) / (a + b)


def share_of(inside: list[bool]) -> str:
    """How many of all hold, in words."""
    return f"{100 * np.mean(inside):.0f} % of {len(inside)}" if inside else "–"


def with_halves(record: Record) -> Record:
    """The record with half of each interval, by today's constants, from what was kept of it."""
    if not record.get("grounds"):
        return record
    half = halves_from(record["grounds"])
    return record | {"halves": _figures(half, half.joint_space_mm)}


def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign, or a dash where there is none."""
    return "–" if value is None or value != value else f"{value:+.{digits}f}"


def summary(records: list[Record], scanners: list[str]) -> list[dict[str, str]]:
    """A row for each scanner, and one for all: median error and 90th percentile of its size."""
    rows = []
    for scanner in [*scanners, "all"]:
        own = [record for record in records if scanner in (record["scanner"], "all")]
        lost = sum("measured" not in record for record in own)
        row = [scanner, str(len(own)), str(lost)]
        for name in ("MC", "TB"):
            values = [record["edges"][name] for record in own if "edges" in record]
            if not values:
                row.append("–")
                continue
            middle = np.nanmedian(np.array(values), axis=0)
            row.append(f"{signed(middle[0])}, size {middle[1]:.2f}")
        for figure in (*WAYS, *VOLUMES):
            off = errors(own, figure)
            digits = 1 if figure in VOLUMES else 2
            spread = f"{np.percentile(np.abs(off), 90):.{digits}f}" if off else "–"
            row.append(f"{signed(float(np.median(off)) if off else None, digits)}, {spread}")
        rows.append(dict(zip(HEADINGS, row, strict=True)))
    return rows


def line_of(record: Record) -> str:
    """One joint in one line."""
    cells = [f"{record['key']} {record['side']}: {record['status']}"]
    for name, value in record.get("edges", {}).items():
        cells.append(f"{name} {value[0]:+.2f}")
    for figure in (*WAYS, *VOLUMES):
        off = errors([record], figure)
        cells.append(f"{figure} {signed(off[0] if off else None)}")
    return ", ".join(cells)


if __name__ == "__main__":
    main()
