"""``negvol run`` on simulated dental cone-beam CT: Dice of both bones against the reference labels.

    python -m benchmarks.cone_beam DATA [--bundle B] [--heads A,B] [--phantoms N] [--machines N]
        [--keep F] [--write]

DATA holds ``tmj/<case>`` as for training. Every head is simulated on N machines drawn at random
(the same ones for every head), measured with the whole product, and its labels are compared with
the reference within what the machine recorded: the condyle to 24 mm from its centre, temporal bone
to 20 mm from the condyle. NV, with half the interval that is stated of it, is compared with that of
the CT from which the scan was simulated, of phantoms with their own. Phantoms have exact labels and
were never learnt from; the default bundle knows the heads of ``tmj/``, though no machine of these.
Give each fold's bundle its own heads. --keep stores every scan's rows and goes on from there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from benchmarks.references import judged
from benchmarks.tables import Printed
from negvol_cli.errors import NegvolError
from negvol_cli.evaluation.metrics import compare
from negvol_cli.geometry.align import to_sitk
from negvol_cli.geometry.grid import Grid, Vector, Volume
from negvol_cli.geometry.resample import resample_nearest
from negvol_cli.io.image import read_image, read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.pipeline import measure_ct
from negvol_cli.run import Models, Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Label, Side, scan_label
from negvol_cli.study import measure_scan
from training.augment.cone_beam import ConeBeamSettings, simulate_cone_beam
from training.data.annotations import read_volume
from training.data.dataset import joint_centres

HEADS = "sharp-base,fullhead,cranium,medimodel"
FIRST_PHANTOM = 90_000
"""The seed of the first phantom; no training draws any so high."""
LEAST_SEEN = 0.5
LEAST_HEIGHT_MM = 50.0
HEADINGS = (
    *("scan", "side", "off mm", "seen %", "MC Dice", "MC HD95", "TB Dice", "TB HD95"),
    *("NV %", "± %", "status"),
)

Row = list[str]
"""One joint: a cell for each of ``HEADINGS``."""


@dataclass(frozen=True, slots=True)
class Case:
    """A CT with the centres, the reference labels (1 MC, 2 TB) and the NV in mm³ of its joints."""

    name: str
    ct: Volume
    centres: dict[Side, Vector]
    labels: dict[Side, Volume]
    nv_mm3: dict[Side, float | None]


def real_cases(folder: Path, heads: list[str], models: Models) -> Iterator[Case]:
    """The named heads of ``folder``, one at a time."""
    centres = joint_centres(folder)
    for head in heads:
        labels = {side: read_volume(folder / head / f"{side.value}.nii.gz") for side in Side}
        ct = folder / head / "ct.nii.gz"
        run = Run(settings=Settings(), backend=load_backend(), models=models)
        report = measure_ct(read_scan(ct), (), run).report
        nv = {side: report.joint(side).nv_mm3 for side in Side}
        yield Case(head, read_volume(ct), centres[head], labels, nv)


def phantom_cases(seeds: list[int]) -> Iterator[Case]:
    """Phantom heads that no training drew, on a sharp CT of 0.6 mm."""
    for seed in seeds:
        head = draw_head(seed)
        centres = {side: head.condyle_centre_mm(side) for side in Side}
        middle = np.mean(list(centres.values()), axis=0) - np.array([0.0, 35.0, 10.0])
        low = middle - np.array([190.0, 190.0, 120.0]) / 2
        grid = Grid((316, 316, 200), (0.6,) * 3, (float(low[0]), float(low[1]), float(low[2])))
        ct = head.scan(grid, ScanSettings(noise_hu=5.0, blur_mm=0.3), seed)
        labels = {
            side: Volume(head.joint_labels(_cube(c), side), _cube(c)) for side, c in centres.items()
        }
        nv = {side: head.truth(side, step_mm=0.6).nv_mm3 for side in Side}
        yield Case(f"phantom-{seed}", ct, centres, labels, dict(nv))


def recorded(grid: Grid, scan: Grid, diameter_mm: float) -> npt.NDArray[np.bool_]:
    """Which voxels of ``grid`` lie in the cylinder of the simulated ``scan``, [z, y, x]."""
    z, y, x = np.indices(grid.shape_zyx)
    points = grid.to_world(np.stack([x, y, z], axis=-1))
    middle = scan.to_world((np.array(scan.size_xyz) - 1) / 2)
    away = np.hypot(points[..., 0] - middle[0], points[..., 1] - middle[1])
    return np.asarray(scan.contains(points) & (away <= diameter_mm / 2))


def scores(
    labels: Volume, case: Case, side: Side, seen: npt.NDArray[np.bool_]
) -> tuple[float, float, float, float, float]:
    """Share of the condyle's surroundings seen, then Dice and HD95 (mm) of MC and of TB."""
    reference = case.labels[side]
    grid = reference.grid
    found = resample_nearest(labels, grid)
    areas = judged(reference.values_zyx, grid, np.array(case.centres[side]))
    share = float(seen[areas[Label.CONDYLE]].mean())
    values = []
    for label, where in areas.items():
        mine = (found == scan_label(side, label)) & where & seen
        known = (reference.values_zyx == label) & where & seen
        result = compare(mine, known, grid.spacing_mm_xyz)
        values += [result.dice, result.hd95_mm]
    return share, values[0], values[1], values[2], values[3]


def measure(
    case: Case, machine: int, voxel_mm: float, models: Models, folder: Path
) -> Iterator[Row]:
    """The rows of one simulated scan, one for each joint that is at least half in view."""
    drawn = ConeBeamSettings.draw(np.random.default_rng([2024, machine]))
    joints = np.array([case.centres[side] for side in (Side.RIGHT, Side.LEFT)])
    below = float(joints[:, 2].mean() - case.ct.grid.corners_mm()[:, 2].min())
    settings = replace(
        drawn, voxel_mm=voxel_mm, above_mm=max(drawn.above_mm, LEAST_HEIGHT_MM - below)
    )
    scan = simulate_cone_beam(case.ct, machine, settings, joints_mm=joints)
    name = f"{case.name}-{machine}"
    sitk.WriteImage(to_sitk(scan), str(folder / f"{name}.nii"))
    try:
        report = measure_scan(
            folder / f"{name}.nii", folder, Settings(), models=models, overwrite=True
        )
    except NegvolError as err:
        yield [name, "both", *[""] * 8, f"refused: {err}"]
        return
    labels = read_image(folder / name / "labels.nii.gz").volume
    for joint in report.joints:
        seen = recorded(case.labels[joint.side].grid, scan.grid, settings.diameter_mm)
        share, *values = scores(labels, case, joint.side, seen)
        if share < LEAST_SEEN:
            continue
        off = ""
        if joint.centre_mm_xyz is not None:
            away = np.subtract(joint.centre_mm_xyz, case.centres[joint.side])
            off = f"{np.linalg.norm(away):.1f}"
        cells = [f"{value:.3f}" if i % 2 == 0 else f"{value:.2f}" for i, value in enumerate(values)]
        known = case.nv_mm3[joint.side]
        error = half = ""
        if joint.nv_mm3 and joint.uncertainty and known:
            error = f"{100 * (joint.nv_mm3 / known - 1):+.1f}"
            half = f"{100 * joint.uncertainty.nv_mm3 / known:.1f}"
        said = "; ".join([joint.status_text, *joint.flags])
        yield [name, str(joint.side), off, f"{100 * share:.0f}", *cells, error, half, said]


def measured(
    cases: Iterator[Case], machines: range, voxel_mm: float, models: Models, keep: Path | None
) -> Iterator[Row]:
    """The rows of every case on every machine, stored in ``keep`` scan by scan."""
    for case in cases:
        for machine in machines:
            with tempfile.TemporaryDirectory() as folder:
                rows = list(measure(case, machine, voxel_mm, models, Path(folder)))
            if keep is not None:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({f"{case.name}-{machine}": rows}) + "\n")
            yield from rows


def kept(keep: Path | None) -> dict[str, list[Row]]:
    """The rows of each scan that an earlier call measured."""
    known: dict[str, list[Row]] = {}
    if keep is not None and keep.exists():
        for line in keep.read_text(encoding="utf-8").splitlines():
            known.update(json.loads(line))
    return known


def sum_up(rows: list[Row]) -> Iterator[str]:
    """Dice over all joints, and how many were measured with NV beyond what was stated."""
    for column in ("MC Dice", "TB Dice"):
        at = HEADINGS.index(column)
        values = [float(row[at] or 0.0) for row in rows]
        low, high = min(values), max(values)
        yield f"\n{column}: mean {np.mean(values):.3f}, from {low:.3f} to {high:.3f}"
    errors = [(abs(float(row[-3])), float(row[-2])) for row in rows if row[-2]]
    far = sum(error > half for error, half in errors)
    yield (
        f"\n{len(errors)} of {len(rows)} joints were measured, NV of {far} of them off by more "
        "than its interval"
    )


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--heads", default=HEADS, help="Comma-separated; '' for none.")
    parser.add_argument("--phantoms", type=int, default=1)
    parser.add_argument("--machines", type=int, default=2)
    parser.add_argument("--voxel", type=float, default=0.3, help="Voxel size in mm.")
    parser.add_argument("--keep", type=Path, help="A file of results to go on from.")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    return parser.parse_args()


def main() -> None:
    """Simulate, measure and print."""
    arguments = asked()
    models = load_models(arguments.bundle, Settings())
    known = kept(arguments.keep)
    machines = range(arguments.machines)

    def left(name: str) -> bool:
        return any(f"{name}-{machine}" not in known for machine in machines)

    heads = [head for head in arguments.heads.split(",") if head]
    seeds = range(FIRST_PHANTOM, FIRST_PHANTOM + arguments.phantoms)
    cases = chain(
        real_cases(arguments.data / "tmj", [head for head in heads if left(head)], models),
        phantom_cases([seed for seed in seeds if left(f"phantom-{seed}")]),
    )
    said = Printed()
    said.heading(*HEADINGS)
    names = [*heads, *(f"phantom-{seed}" for seed in seeds)]
    done = [name for name in names if not left(name)]
    rows = [row for name in done for machine in machines for row in known[f"{name}-{machine}"]]
    for row in rows:
        said.row(*row)
    for row in measured(cases, machines, arguments.voxel, models, arguments.keep):
        rows.append(row)
        said.row(*row)
    for line in sum_up(rows):
        said.line(line)
    if arguments.write:
        said.write("accuracy.md", "CONE BEAM")


def _cube(centre: Vector) -> Grid:
    """The 72 mm cube at 0.5 mm about a joint, as the real labels have."""
    x, y, z = (c - 35.75 for c in centre)
    return Grid((144,) * 3, (0.5,) * 3, (x, y, z))


if __name__ == "__main__":
    main()
