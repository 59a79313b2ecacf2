"""``negvol run`` on annotated heads that its networks have not seen, against the reference labels.

    python -m benchmarks.held_out_heads DATA RUNS

DATA holds ``tmj/<head>`` as for training, RUNS what ``python -m training train`` and ``eval`` left.
For every head a bundle is made of the segmenter and the localiser that held it out, and the whole
product runs with it: localising, resampling, enhancement, meshes. Compared are the labels of the
joint frames (condyle to 24 mm from its centre, temporal bone to 20 mm from the condyle, where both
are known) and the volumes, against what ``measure`` gets from the reference labels.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from benchmarks.reference_joints import measure
from benchmarks.tables import Printed, asked_to_write
from export.bundle import write_bundle
from negvol_cli.evaluation.metrics import Metrics, compare
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.resample import resample_nearest
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Measurement, measure_ct
from negvol_cli.report import Status
from negvol_cli.run import Run, load_models
from negvol_cli.settings import Settings
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.structures import Label, Side
from training.config import Experiment, load_experiment
from training.data.annotations import read_volume
from training.data.dataset import joint_centres
from training.evaluate.held_out import BONE_REACH_MM, CONDYLE_REACH_MM
from training.loop.train import WEIGHTS

ROLES = ("localiser", "segmenter")


@dataclass(frozen=True, slots=True)
class Row:
    """One joint: accuracy, and the volumes with their errors against the reference labels'."""

    head: str
    side: str
    status: str
    off_mm: float
    mc_dice: float
    mc_hd95_mm: float
    tb_dice: float
    tb_hd95_mm: float
    nv_mm3: float
    nv_error_percent: float
    articular_error_percent: float
    asymmetry_off_points: float


def held_out_in(experiment: Experiment, head: str, runs: Path) -> str:
    """The training of an experiment that did not learn from ``head``.

    A localiser's fold that was not trained is replaced by its final network, which has seen the
    head at 4 mm; the segmenter decides what is measured.
    """
    for index, heads in enumerate(experiment.folds.held_out):
        name = f"fold{index}"
        if head in heads and (runs / experiment.name / name / WEIGHTS).is_file():
            return name
    if experiment.data.object == "heads":
        print(f"{head}: no localiser here has not seen it; the final one is used", flush=True)
        return "final"
    raise SystemExit(f"no fold of {experiment.name} held out {head}: train it first")


def measured(
    head: str, folder: Path, experiments: dict[str, Experiment], runs: Path
) -> Measurement:
    """The whole product on one head, with the networks that have not seen it."""
    trained = {role: held_out_in(experiments[role], head, runs) for role in ROLES}
    with tempfile.TemporaryDirectory() as bundle:
        write_bundle(experiments, runs, Path(bundle), name="held-out", version="0", trained=trained)
        models = load_models(Path(bundle), Settings())
        scan = read_scan(folder / head / "ct.nii.gz")
        run = Run(settings=Settings(), backend=load_backend(), models=models)
        return measure_ct(scan, (), run)


def rows(head: str, folder: Path, measurement: Measurement) -> Iterator[Row]:
    """What came out for both joints of a head."""
    centres = joint_centres(folder)[head]
    references = {side: measure(folder / head / f"{side}.nii.gz", side)[0] for side in Side}
    asymmetry = measurement.report.nv_asymmetry
    right, left = (references[side].nv_mm3 for side in (Side.RIGHT, Side.LEFT))
    off_points = np.nan
    if asymmetry is not None:
        off_points = 100 * abs(asymmetry.signed - (left - right) / (left + right))
    for joint in measurement.report.joints:
        if joint.centre_mm_xyz is None:
            yield Row(head, str(joint.side), joint.status_text, *[np.nan] * 9)
            continue
        condyle, bone = accuracy(head, folder, measurement, joint.side)
        reference = references[joint.side]
        nv, articular = (
            100 * (value / known - 1) if value is not None else np.nan
            for value, known in (
                (joint.nv_mm3, reference.nv_mm3),
                (joint.articular_nv_mm3, reference.articular_nv_mm3),
            )
        )
        off = np.linalg.norm(np.subtract(joint.centre_mm_xyz, centres[joint.side]))
        status = "ok" if joint.status is Status.OK else joint.status_text
        figures = (condyle.dice, condyle.hd95_mm, bone.dice, bone.hd95_mm)
        volume = joint.nv_mm3 if joint.nv_mm3 is not None else np.nan
        yield Row(
            head, str(joint.side), status, float(off), *figures, volume, nv, articular, off_points
        )


def accuracy(
    head: str, folder: Path, measurement: Measurement, side: Side
) -> tuple[Metrics, Metrics]:
    """Of the condyle and of the temporal bone, where the scan and the reference know both."""
    geometry = measurement.views[side].geometry
    frame, found = geometry.frame, geometry.labels_zyx
    reference = read_volume(folder / head / f"{side}.nii.gz")
    labels = frame.mirror(resample_nearest(reference, frame.grid))
    everywhere = Volume(np.ones(reference.grid.shape_zyx, np.uint8), reference.grid)
    known = frame.mirror(resample_nearest(everywhere, frame.grid)) > 0
    known &= frame.mirror(recorded_mask(measurement.scan.volume, frame.grid))
    z, y, x = np.indices(labels.shape)
    points = frame.local_grid.to_world(np.stack([x, y, z], axis=-1))
    centre = frame.to_frame(joint_centres(folder)[head][side])
    near = known & (np.linalg.norm(points - centre, axis=-1) <= CONDYLE_REACH_MM)
    condyle = (labels == Label.CONDYLE) & near
    spacing = (frame.spacing_mm,) * 3
    beside = known & (distance_transform_edt(~condyle, frame.spacing_mm) <= BONE_REACH_MM)
    return (
        compare((found == Label.CONDYLE) & near, condyle, spacing),
        compare(
            (found == Label.TEMPORAL_BONE) & beside,
            (labels == Label.TEMPORAL_BONE) & beside,
            spacing,
        ),
    )


def main() -> None:
    """Print the table, what it comes to, and leave the expected error."""
    write = asked_to_write()
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, runs = Path(sys.argv[1]) / "tmj", Path(sys.argv[2])
    configs = Path(__file__).parents[1] / "training" / "configs"
    experiments = {role: load_experiment(configs / f"{role}.toml") for role in ROLES}
    names = [field.name for field in fields(Row)]
    said = Printed()
    said.heading(*names)
    table: list[Row] = []
    for head in sorted(path.parent.name for path in folder.glob("*/right.nii.gz")):
        for row in rows(head, folder, measured(head, folder, experiments, runs)):
            said.row(*(v if isinstance(v, str) else f"{v:.3f}" for v in astuple(row)))
            table.append(row)
    for name in names[3:]:
        values = np.array([getattr(row, name) for row in table])
        values = values[np.isfinite(values)]
        said.line(
            f"\n{name}: mean {values.mean():.3f}, median {np.median(values):.3f}, "
            f"from {values.min():.3f} to {values.max():.3f}, "
            f"root mean square {np.sqrt(np.mean(values**2)):.3f}"
        )
    if write:
        said.write("accuracy.md", "HELD OUT")


if __name__ == "__main__":
    main()
