"""What it costs a joint that its frame does not lie about the condylar head.

    python -m benchmarks.frame_centre DATA [--phantoms N] [--planning N] [--keep F] [--write]

*Where frames lie*: on every annotated head of ``DATA/tmj``, N phantoms and N planning CT of
``DATA/headneck``, where the head on the condylar process lies (``recentre``) from the mark of the
localiser, mm along the axes of the joint frame (to lateral, posterior, superior). *What it costs*:
each joint of the annotated heads and phantoms is segmented and measured in frames 0 to 8 mm off the
head's centre, in a direction drawn for each, without being centred again. Compared are Dice with
the reference labels or the phantom's bones (condyle to 24 mm from its centre, temporal bone to
20 mm from the condyle), NV with the phantom's truth, and NV with that of the centred frame. The
networks have seen the real heads, not the phantoms. --keep stores every joint as a line of JSON and
goes on where the file ends; --write puts the tables into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.phantom_cases import GRIDS, Case, Phantom, cases
from benchmarks.phantom_truth import in_turn
from benchmarks.references import judged, on_frame, reference_labels
from benchmarks.tables import Printed
from negvol_cli.evaluation.metrics import compare
from negvol_cli.geometry.grid import Points, Volume, vector
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import located, measure_segmented
from negvol_cli.report import Status
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.calibrate_hu import Calibrated, in_hu
from negvol_cli.steps.localise import FoundJoint
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.recentre import process_centre
from negvol_cli.steps.segment import segment_joint
from negvol_cli.structures import Label, Side

OFF_MM: Final = (0.0, 2.0, 4.0, 6.0, 8.0)
Record = dict[str, Any]
Bones = Callable[[JointFrame], tuple[Any, Any]]
"""The labels [z, y, x] of a joint on a frame, in frame order, and where they are known."""
Source = Callable[[Run], Iterator[Record]]
"""A record for each joint of one scan."""


def centre_from(seen: Calibrated, frame: JointFrame, run: Run) -> Points | None:
    """The head's centre, frame mm, by what is segmented in a frame; None where there is none."""
    found = segment_joint(seen.volume, frame, run.networks().segmenters)
    centre = process_centre(found.condyle_p, frame)
    return None if centre is None else np.array(centre)


def joints_of(
    name: str, kind: str, scan: Volume, bones: Callable[[Side], Bones] | None, run: Run
) -> Iterator[Record]:
    """A record for each joint that is found in one scan; measured where its ``bones`` are known."""
    seen = in_hu(scan)
    marked = located(seen.volume, run)
    for side in Side:
        mark = marked[side]
        if mark is None:
            continue
        frame = JointFrame(side, mark.centre_mm_xyz)
        away = centre_from(seen, frame, run)
        record: Record = {"name": name, "kind": kind, "side": str(side)}
        record["mark_mm"] = None if away is None else away.tolist()
        if bones is not None and away is not None:
            centre = frame.to_world(away)
            seed = [int(abs(v) * 10) for v in centre]
            way = np.random.default_rng(seed).standard_normal(3)
            way /= np.linalg.norm(way)
            known = bones(side)
            record["measured"] = [
                measured(seen, JointFrame(side, vector(centre + off * way)), mark, known, run)
                for off in OFF_MM
            ]
        yield record


def measured(
    seen: Calibrated, frame: JointFrame, mark: FoundJoint, bones: Bones, run: Run
) -> Record:
    """The figures of a joint in one frame, and how well its bones agree."""
    found = replace(mark, centre_mm_xyz=frame.centre_mm_xyz)
    network = segment_joint(seen.volume, frame, run.networks().segmenters)
    head_mm = process_centre(network.condyle_p, frame)
    if head_mm is not None:
        network = replace(network, head_mm=head_mm)
    joint, view = measure_segmented(network, found, seen.volume, seen.scanner, run)
    return {
        "status": str(joint.status),
        "nv_mm3": joint.nv_mm3,
        "articular_nv_mm3": joint.articular_nv_mm3,
        "head_volume_mm3": joint.head_volume_mm3,
        "dice": agreement(view.geometry, *bones(frame)),
    }


def agreement(geometry: JointGeometry, labels: Any, known: Any) -> list[float]:
    """Dice of the condyle and of the temporal bone."""
    grid = geometry.frame.local_grid
    areas = judged(np.where(known, labels, 0), grid, np.array(geometry.head_centre_mm))
    return [
        compare(
            (geometry.labels_zyx == label) & known & where,
            (labels == label) & known & where,
            grid.spacing_mm_xyz,
        ).dice
        for label, where in areas.items()
    ]


def drawn_bones(head: Path, side: Side) -> Bones:
    """The reference labels of a real joint."""
    return partial(on_frame, reference_labels(head, side))


def phantom_bones(phantom: Phantom) -> Bones:
    """The bones of a phantom's joint."""

    def on(frame: JointFrame) -> tuple[Any, Any]:
        z, y, x = np.indices(frame.grid.shape_zyx)
        points = frame.grid.to_world(np.stack([x, y, z], axis=-1).reshape(-1, 3))
        labels = np.zeros(len(points), dtype=np.uint8)
        for label in (Label.TEMPORAL_BONE, Label.CONDYLE):
            labels[phantom.head.solid(label)(points) < 0] = label
        labels = frame.mirror(labels.reshape(frame.grid.shape_zyx))
        return labels, np.ones(labels.shape, bool)

    return on


def of_head(head: Path, run: Run) -> Iterator[Record]:
    """Both joints of a head with reference labels."""
    volume = read_scan(head / "ct.nii.gz").volume
    return joints_of(head.name, "heads", volume, lambda side: drawn_bones(head, side), run)


def of_phantom(case: Case, run: Run) -> Iterator[Record]:
    """Both joints of a phantom, with the true NV."""
    phantom = Phantom(case.head)
    volume = phantom.scan(case)
    bones = phantom_bones(phantom)
    for record in joints_of(case.key, "phantoms", volume, lambda _side: bones, run):
        yield {**record, "true_nv_mm3": phantom.truth(Side(record["side"])).nv_mm3}


def of_planning(path: Path, run: Run) -> Iterator[Record]:
    """Both joints of a planning CT: only where they are found."""
    name = path.name.removesuffix(".nii.gz")
    return joints_of(name, "planning CT", read_scan(path).volume, None, run)


def sources(data: Path, phantoms: int, planning: int) -> Iterator[tuple[str, Source]]:
    """Every scan by its name, and what gives its joints."""
    for path in sorted((data / "tmj").glob("*/right.nii.gz")):
        yield path.parent.name, partial(of_head, path.parent)
    for case in cases(phantoms, list(GRIDS)):
        if in_turn(case, 1):
            yield case.key, partial(of_phantom, case)
    for path in sorted((data / "headneck").glob("*.nii.gz"))[:planning]:
        yield path.name.removesuffix(".nii.gz"), partial(of_planning, path)


def all_joints(found: Iterator[tuple[str, Source]], keep: Path | None) -> Iterator[Record]:
    """A record for each joint of all scans, those kept before included."""
    known: dict[str, list[Record]] = {}
    if keep is not None and keep.exists():
        for line in keep.read_text(encoding="utf-8").splitlines():
            known.setdefault(json.loads(line)["name"], []).append(json.loads(line))
    settings = Settings()
    run = Run(settings=settings, backend=load_backend(), models=load_models(None, settings))
    for name, records in found:
        if name not in known:
            known[name] = list(records(run))
            if keep is not None:
                with keep.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(record) + "\n" for record in known[name])
        yield from known[name]


def print_marks(said: Printed, records: list[Record]) -> None:
    """Where the head's centre lies from the mark, and how many joints a limit centres again."""
    limits = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    over = (f"over {limit:g} mm" for limit in limits)
    said.heading("scans", "joints", "lateral", "posterior", "superior", *over)
    for kind in ("heads", "phantoms", "planning CT"):
        marks = [r["mark_mm"] for r in records if r["kind"] == kind and r["mark_mm"] is not None]
        if not marks:
            continue
        away = np.array(marks)
        axes = [f"{np.median(a):+.1f} ± {a.std():.1f}" for a in away.T]
        size = np.linalg.norm(away, axis=1)
        said.row(kind, len(away), *axes, *(int((size > limit).sum()) for limit in limits))


def print_costs(said: Printed, records: list[Record]) -> None:
    """What frames off the centre cost."""
    said.heading(
        *("joints", "frame off by, mm", "implausible", "MC Dice", "TB Dice"),
        *("NV against the truth, %: median size", "NV against the centred frame, %: median size"),
        *("greatest", "articular NV: median size", "head: median size"),
    )
    for kind in ("heads", "phantoms"):
        own = [r for r in records if r["kind"] == kind and "measured" in r]
        for index, off in enumerate(OFF_MM):
            rows = [r["measured"][index] for r in own]
            bad = sum(row["status"] == str(Status.IMPLAUSIBLE) for row in rows)
            dice = [f"{np.mean([row['dice'][bone] for row in rows]):.4f}" for bone in (0, 1)]
            true = [
                100 * abs(row["nv_mm3"] / r["true_nv_mm3"] - 1)
                for r, row in zip(own, rows, strict=True)
                if "true_nv_mm3" in r and row["nv_mm3"] is not None
            ]
            nv, articular, head = (
                changes(own, index, name)
                for name in ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
            )
            said.row(
                f"{len(own)}, {kind}",
                *(f"{off:g}", bad, *dice, _median(true), _median(nv)),
                *(f"{max(nv, default=np.nan):.2f}", _median(articular), _median(head)),
            )


def changes(records: list[Record], index: int, name: str) -> list[float]:
    """How much a figure differs from that of the centred frame, per cent, without sign."""
    pairs = [(r["measured"][0][name], r["measured"][index][name]) for r in records]
    return [100 * abs(b / a - 1) for a, b in pairs if a is not None and b is not None]


def _median(values: list[float]) -> str:
    return f"{np.median(values):.2f}" if values else "–"


def main() -> None:
    """Measure, print the tables and, with --write, put them into docs/accuracy.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--phantoms", type=int, default=6)
    parser.add_argument("--planning", type=int, default=16)
    parser.add_argument("--keep", type=Path, help="A file of joints to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    given = parser.parse_args()
    said = Printed()
    found = sources(given.data, given.phantoms, given.planning)
    records = list(all_joints(found, given.keep))
    print_marks(said, records)
    said.line()
    print_costs(said, records)
    if given.write:
        said.write("accuracy.md", "FRAME CENTRE")


if __name__ == "__main__":
    main()
