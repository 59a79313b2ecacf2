"""``negvol run`` on annotated heads that its networks have not seen, against the reference labels.

    python -m benchmarks.held_out_heads DATA RUNS [--config FILE] [--write]

DATA holds ``tmj/<head>`` as for training, RUNS what ``python -m training train`` left. For every
head the whole product runs with the segmenter of the fold that held it out: localising,
resampling, enhancement, edges, meshes, checks. The localiser is that of its fold, or the default
bundle's, which knows the head at 4 mm. Compared are the labels of the joint frames (condyle to
24 mm from its centre, temporal bone to 20 mm from the condyle, where both are known; of a joint
that is called implausible too), their shape alone to 18 mm from the centre (the reference's edge
moved to where it fits best) and the volumes, against what is measured on the reference labels.
Those end where the product's edge step puts them (``references``). A second table says how often
the stated 95 % intervals hold what the reference labels give.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from benchmarks.reference_joints import measure_labels
from benchmarks.references import distance_from, judged, on_frame, reference_labels
from benchmarks.tables import Printed
from export.onnx_model import INPUT, OUTPUT, write_onnx
from negvol_cli.evaluation.metrics import Metrics, compare
from negvol_cli.geometry.grid import Vector, Volume
from negvol_cli.inference.predictor import Predictor
from negvol_cli.inference.session import open_session
from negvol_cli.io.image import read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Measurement, measure_ct
from negvol_cli.report import JointReport, JointSpace, Status
from negvol_cli.run import Models, Run, load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.steps.field_of_view import recorded_mask
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.structures import Label, Side
from training.config import Experiment, load_experiment
from training.data.dataset import joint_centres
from training.evaluate.shape import SHAPE_REACH_MM, shape_dice
from training.loop.tasks import CHANNELS
from training.loop.train import WEIGHTS, load_trained

BONES = (Label.CONDYLE, Label.TEMPORAL_BONE)
VOLUMES = ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
NO_SPACE = JointSpace(**dict.fromkeys(JointSpace.__slots__))

ROLES = ("localiser", "segmenter")
CONFIGS = Path(__file__).parents[1] / "training" / "configs"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference labels of one joint, with their edges refined, and what they measure."""

    labels: Volume
    geometry: JointGeometry


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
    mc_shape_dice: float
    tb_shape_dice: float
    nv_mm3: float
    nv_error_percent: float
    articular_error_percent: float
    asymmetry_off_points: float


@dataclass(frozen=True, slots=True)
class Stated:
    """How far a figure of a joint lies off that of the reference, and half its 95 % interval."""

    off: float
    half: float

    @property
    def holds(self) -> bool:
        """Whether the interval holds the reference's figure."""
        return abs(self.off) <= self.half


def held_out_in(experiment: Experiment, head: str, runs: Path) -> str | None:
    """The training of an experiment that did not learn from ``head``; None if there is none."""
    for index, heads in enumerate(experiment.folds.held_out):
        name = f"fold{index}"
        if head in heads and (runs / experiment.name / name / WEIGHTS).is_file():
            return name
    return None


def held_out_models(head: str, experiments: dict[str, Experiment], runs: Path) -> Models:
    """The networks that have not seen ``head``.

    A localiser's fold that was not trained is replaced by the default bundle's network, which has
    seen the head at 4 mm; the segmenter decides what is measured. Exits where no segmenter's fold
    held the head out.
    """
    default = load_models(None, Settings())
    localiser, segmenter = (held_out_in(experiments[role], head, runs) for role in ROLES)
    if segmenter is None:
        raise SystemExit(f"no fold of {experiments['segmenter'].name} held out {head}: train it")
    models = replace(
        default,
        segmenters=(trained(experiments["segmenter"], segmenter, runs, default.segmenters[0]),),
    )
    if localiser is None:
        return models
    return replace(
        models, localiser=trained(experiments["localiser"], localiser, runs, default.localiser)
    )


def trained(experiment: Experiment, fold: str, runs: Path, like: Predictor) -> Predictor:
    """The network of one fold, which sees what its experiment says, in the role of ``like``."""
    data, channels = experiment.data, CHANNELS[experiment.data.object]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        network = load_trained(experiment, runs / experiment.name / fold, len(channels))
        write_onnx(network, data.size_zyx, file)
        content = file.read_bytes()
    spec = like.spec.model_copy(
        update={
            "sha256": hashlib.sha256(content).hexdigest(),
            "spacing_mm": data.spacing_mm,
            "size_zyx": data.size_zyx,
            "window_hu": data.window_hu,
            "channels": channels,
            "input": INPUT,
            "output": OUTPUT,
        }
    )
    return open_session(content, spec, Device.CPU)


def measured(
    head: str, folder: Path, experiments: dict[str, Experiment], runs: Path
) -> Measurement:
    """The whole product on one head, with the networks that have not seen it."""
    models = held_out_models(head, experiments, runs)
    scan = read_scan(folder / head / "ct.nii.gz")
    return measure_ct(scan, (), Run(settings=Settings(), backend=load_backend(), models=models))


def references_of(folder: Path) -> dict[Side, Reference]:
    """The reference labels of a head, and what is measured on them."""
    labels = {side: reference_labels(folder, side) for side in Side}
    return {side: Reference(of, measure_labels(of, side)) for side, of in labels.items()}


def stated(joint: JointReport, reference: JointGeometry) -> Iterator[tuple[str, Stated]]:
    """Each figure of a joint that is printed with an interval, against the reference's."""
    if joint.uncertainty is None:
        return
    for name in VOLUMES:
        value, half = getattr(joint, name), getattr(joint.uncertainty, name)
        if value is not None:
            known = getattr(reference, name)
            yield f"{name}, %", Stated(100 * (value / known - 1), 100 * half / value)
    for name in JointSpace.__slots__:
        value, half, known = (
            getattr(space, name)
            for space in (
                joint.joint_space_mm or NO_SPACE,
                joint.uncertainty.joint_space_mm,
                reference.joint_space,
            )
        )
        if value is not None and half is not None and known is not None:
            yield f"{name} space, mm", Stated(value - known, half)


def rows(
    head: str, folder: Path, measurement: Measurement, references: Mapping[Side, Reference]
) -> Iterator[Row]:
    """What came out for both joints of a head."""
    centres = joint_centres(folder)[head]
    asymmetry = measurement.report.nv_asymmetry
    right, left = (references[side].geometry.nv_mm3 for side in (Side.RIGHT, Side.LEFT))
    off_points = np.nan
    if asymmetry is not None:
        off_points = 100 * abs(asymmetry.signed - (left - right) / (left + right))
    for joint in measurement.report.joints:
        if joint.centre_mm_xyz is None or joint.side not in measurement.views:
            yield Row(head, str(joint.side), joint.status_text, *[np.nan] * 11)
            continue
        reference, centre = references[joint.side], centres[joint.side]
        condyle, bone, shapes = accuracy(reference.labels, centre, measurement, joint.side)
        nv, articular = (
            100 * (value / known - 1) if value is not None else np.nan
            for value, known in (
                (joint.nv_mm3, reference.geometry.nv_mm3),
                (joint.articular_nv_mm3, reference.geometry.articular_nv_mm3),
            )
        )
        off = np.linalg.norm(np.subtract(joint.centre_mm_xyz, centre))
        status = "ok" if joint.status is Status.OK else joint.status_text
        figures = (condyle.dice, condyle.hd95_mm, bone.dice, bone.hd95_mm, *shapes)
        volume = joint.nv_mm3 if joint.nv_mm3 is not None else np.nan
        yield Row(
            head, str(joint.side), status, float(off), *figures, volume, nv, articular, off_points
        )


def accuracy(
    reference: Volume, centre_mm: Vector, measurement: Measurement, side: Side
) -> tuple[Metrics, Metrics, tuple[float, float]]:
    """Of the condyle and the temporal bone, and Dice of their shapes, where both are known.

    ``reference`` are the labels of the joint, whose condylar head is centred at ``centre_mm``.
    """
    geometry = measurement.views[side].geometry
    frame, found = geometry.frame, geometry.labels_zyx
    labels, known = on_frame(reference, frame)
    known &= frame.mirror(recorded_mask(measurement.scan.volume, frame.grid))
    grid, centre = frame.local_grid, frame.to_frame(centre_mm)
    about = known & (distance_from(centre, grid) <= SHAPE_REACH_MM)
    where = judged(np.where(known, labels, 0), grid, centre)
    condyle, bone = (
        compare(
            (found == label) & known & where[label],
            (labels == label) & known & where[label],
            grid.spacing_mm_xyz,
        )
        for label in BONES
    )
    mc, tb = (
        shape_dice(found == label, labels == label, about, frame.spacing_mm) for label in BONES
    )
    return condyle, bone, (mc, tb)


def say_intervals(intervals: Mapping[str, Sequence[Stated]], said: Printed) -> None:
    """Print how often the intervals of each figure hold the reference's, and how wide they are."""
    said.line()
    said.heading("figure", "off, root mean square", "stated to ±, median", "intervals that hold")
    for name, figures in intervals.items():
        off, half = np.array([(figure.off, figure.half) for figure in figures]).T
        held = sum(figure.holds for figure in figures)
        said.row(
            name,
            f"{np.sqrt(np.mean(off**2)):.2f}",
            f"{np.median(half):.2f}",
            f"{held} of {len(figures)}",
        )


def main() -> None:
    """Print the table and what it comes to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--config", type=Path, default=CONFIGS / "segmenter.toml")
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    arguments = parser.parse_args()
    folder = arguments.data / "tmj"
    experiments = {
        "localiser": load_experiment(CONFIGS / "localiser.toml"),
        "segmenter": load_experiment(arguments.config),
    }
    names = [field.name for field in fields(Row)]
    said = Printed()
    said.heading(*names)
    table: list[Row] = []
    intervals: defaultdict[str, list[Stated]] = defaultdict(list)
    for head in sorted(path.parent.name for path in folder.glob("*/right.nii.gz")):
        measurement = measured(head, folder, experiments, arguments.runs)
        references = references_of(folder / head)
        for row in rows(head, folder, measurement, references):
            said.row(*(v if isinstance(v, str) else f"{v:.3f}" for v in astuple(row)))
            table.append(row)
        for joint in measurement.report.joints:
            for name, figure in stated(joint, references[joint.side].geometry):
                intervals[name].append(figure)
    for name in names[3:]:
        values = np.array([getattr(row, name) for row in table])
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        said.line(
            f"\n{name}: mean {values.mean():.3f}, median {np.median(values):.3f}, "
            f"from {values.min():.3f} to {values.max():.3f}, "
            f"root mean square {np.sqrt(np.mean(values**2)):.3f}"
        )
    say_intervals(intervals, said)
    if arguments.write:
        said.write("accuracy.md", "HELD OUT")


if __name__ == "__main__":
    main()
