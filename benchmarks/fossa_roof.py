"""Whether step C earns its place: recall and precision of the fossa's roof with and without it.

    python -m benchmarks.fossa_roof DATA [--runs RUNS] [--phantoms 4] [--write]

The roof is the temporal bone in the 6 mm above the condyle, column by column; *closed* is the
share of the columns with a roof in which some of it was found, *bone Dice* that of the whole
frame. Real heads and some phantoms with roofs under 0.9 mm, which no training drew, are segmented
by the default bundle, which knows the heads; with RUNS, a folder of trainings, real heads by the
network that held them out, and phantoms by the final one. Frames lie at the true centres. Compared
are no enhancement, negvol's, and the paper's recipe as we read it: Canny edges of the CT, gated by
the network's bone probability, closed, and added to the bone. After each of them bones are ended at
the CT's edges, as ``negvol run`` does; what was added is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from benchmarks.tables import Printed
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu
from negvol_cli.inference.normalise import normalise
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.run import load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.steps.calibrate_hu import scanner_of
from negvol_cli.steps.enhance import ADDED, enhance_fossa
from negvol_cli.steps.joint_images import JointImages
from negvol_cli.steps.refine_edges import refine_edges
from negvol_cli.structures import Label, Side
from training.config import Experiment, load_experiment
from training.data.dataset import folder_dataset
from training.data.joints import load_joints
from training.evaluate.predict import predict
from training.loop.train import load_trained

HERE = Path(__file__).parents[1]
ROOF_MM = 6.0
THIN_MM = 0.9
FIRST_SEED = 50_000
CANNY_HU = (60.0, 180.0)
POSSIBLE = 0.2

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Network = Callable[[Floats], Floats]
"""From a normalised image (z, y, x) to probabilities (2, z, y, x)."""
Networks = Callable[[Sequence[str]], Network]
"""The network for the heads of a fold; for phantoms, where there is none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One joint in frame order, (z, y, x): intensities, both probabilities, both references."""

    name: str
    hu: Floats
    condyle_p: Floats
    bone_p: Floats
    condyle: Mask
    bone: Mask
    known: Mask
    spacing_mm: float


def none(case: Case) -> Floats:
    """The network's bone as it is."""
    return case.bone_p


def ours(case: Case) -> Floats:
    """Step C of ``negvol run``."""
    return enhance_fossa(case.hu, case.bone_p, case.condyle_p, case.spacing_mm)


def paper(case: Case) -> Floats:
    """Canny edges gated by the bone's probability, closed and added."""
    image = sitk.GetImageFromArray(case.hu)
    edges = sitk.CannyEdgeDetection(
        image, lowerThreshold=CANNY_HU[0], upperThreshold=CANNY_HU[1], variance=[1.0] * 3
    )
    bone = case.bone_p > 0.5
    gated = (sitk.GetArrayFromImage(edges) > 0) & (case.bone_p > POSSIBLE)
    gated &= case.condyle_p < 0.5
    joined = sitk.GetImageFromArray((gated | bone).astype(np.uint8))
    closed = sitk.GetArrayFromImage(sitk.BinaryMorphologicalClosing(joined, [1, 1, 1])) > 0
    added = closed & ~bone & (case.condyle_p < 0.5)
    return np.where(added, np.float32(ADDED), case.bone_p)


def ended(case: Case, bone_p: Floats) -> Mask:
    """The bone of a recipe, ended at the CT's edges."""
    frame = JointFrame(Side.LEFT, (0.0, 0.0, 0.0), case.spacing_mm, len(case.hu))
    recorded = np.ones(case.hu.shape, dtype=bool)
    images = JointImages(frame, case.hu, case.condyle_p, bone_p, recorded)
    ct = Volume(case.hu, frame.grid)
    refined = refine_edges(images, ct, scanner_of(ct)).images.bone_p
    return np.asarray(refined > 0.5)


RECIPES: dict[str, Callable[[Case], Floats]] = {"none": none, "paper": paper, "negvol": ours}


FIGURES = ("recall", "precision", "closed", "bone Dice")


def judged(found: Mask, case: Case, roof: Mask) -> tuple[float, float, float, float]:
    """Recall, precision and closed columns of the roof, and Dice of all bone in the frame."""
    mine, known = found & roof, case.bone & roof
    right = float((mine & known).sum())
    columns = known.any(axis=0)
    closed = float(np.asarray(mine.any(axis=0))[columns].mean())
    both = 2.0 * float((found & case.bone & case.known).sum())
    dice = both / float((found & case.known).sum() + (case.bone & case.known).sum())
    return right / float(known.sum()), right / max(float(mine.sum()), 1.0), closed, dice


def above_condyle(case: Case) -> Mask:
    """The 6 mm above the condyle's highest voxel of each column, (z, y, x)."""
    z = np.arange(len(case.condyle))[:, None, None]
    top = np.where(case.condyle.any(axis=0), (z * case.condyle).max(axis=0), len(z))
    return (z > top) & (z <= top + ROOF_MM / case.spacing_mm) & case.known


def real_cases(data: Path, experiment: Experiment, networks: Networks) -> Iterator[Case]:
    """Every annotated joint, by the network for its head."""
    spacing_mm, size = experiment.data.spacing_mm, experiment.data.size_zyx[0]
    joints = load_joints(folder_dataset(data))
    for heads in experiment.folds.held_out:
        network = networks(heads)
        for joint in joints:
            if joint.head not in heads:
                continue
            frame = joint.frame(spacing_mm, size)
            hu = joint.hu(frame)
            mc, tb = network(normalise(hu, experiment.data.window_hu))
            condyle, bone = (
                joint.mask(frame, label) > 0.5 for label in (Label.CONDYLE, Label.TEMPORAL_BONE)
            )
            name = f"{joint.head} {joint.side}"
            yield Case(name, hu, mc, tb, condyle, bone, joint.known(frame), spacing_mm)


def phantom_cases(many: int, experiment: Experiment, networks: Networks) -> Iterator[Case]:
    """Left joints of phantoms with a thin roof, in a CT of 1 mm."""
    network = networks(())
    for seed in count(FIRST_SEED):
        head = draw_head(seed)
        roof_mm = head.left.fossa.roof_mm
        if roof_mm > THIN_MM:
            continue
        frame = JointFrame(Side.LEFT, head.condyle_centre_mm(Side.LEFT))
        grid = Grid((72,) * 3, (1.0,) * 3, frame.grid.origin_mm_xyz)
        ct = head.scan(grid, ScanSettings(), seed)
        hu = frame_hu(ct, frame)
        labels = head.joint_labels(frame.grid, Side.LEFT)
        mc, tb = network(normalise(hu, experiment.data.window_hu))
        name = f"phantom, roof {roof_mm:.1f} mm"
        everywhere = np.ones(labels.shape, dtype=bool)
        yield Case(name, hu, mc, tb, labels == 1, labels == 2, everywhere, frame.spacing_mm)
        many -= 1
        if many == 0:
            return


def by_default() -> Networks:
    """The default bundle's segmenter, for any head."""
    (segmenter,) = load_models(None, Settings(device=Device.CPU)).segmenters
    return lambda _held_out: segmenter


def trained(runs: Path, experiment: Experiment, held_out: Sequence[str]) -> Network:
    """The network of a fold that held these heads out; without one, the final network."""
    folds = [tuple(heads) for heads in experiment.folds.held_out]
    name = f"fold{folds.index(tuple(held_out))}" if held_out else "final"
    return partial(predict, load_trained(experiment, runs / experiment.name / name, 2))


def main() -> None:
    """Print recall and precision of each recipe, joint by joint."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=Path, help="a folder of trainings, with all folds")
    parser.add_argument("--phantoms", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="Into docs/accuracy.md.")
    args, said = parser.parse_args(), Printed()
    experiment = load_experiment(HERE / "training" / "configs" / "segmenter.toml")
    networks = by_default() if args.runs is None else partial(trained, args.runs, experiment)
    headings = [f"{figure}, {name}" for name in RECIPES for figure in FIGURES]
    said.heading("joint", *headings)
    found: dict[bool, list[list[float]]] = {False: [], True: []}
    for cases in (
        real_cases(args.data, experiment, networks),
        phantom_cases(args.phantoms, experiment, networks),
    ):
        for case in cases:
            roof = above_condyle(case)
            figures = [
                f
                for recipe in RECIPES.values()
                for f in judged(ended(case, recipe(case)), case, roof)
            ]
            found[case.name.startswith("phantom")].append(figures)
            said.row(case.name, *(f"{f:.3f}" for f in figures))
    for phantoms, rows in found.items():
        mean = np.mean(rows, axis=0)
        name = "phantoms, mean" if phantoms else "real heads, mean"
        said.row(name, *(f"{f:.3f}" for f in mean))
    if args.write:
        said.write("accuracy.md", "FOSSA ROOF")


if __name__ == "__main__":
    main()
