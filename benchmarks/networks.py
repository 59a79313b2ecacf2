"""Accuracy against seconds: three light networks at two spacings, as a table and a plot.

    for c in training/configs/compare/*.toml; do
        python -m training train --config $c --folds 0 --runs RUNS
    done
    python -m benchmarks.networks DATA RUNS [PICTURE.png]

All are trained alike and briefly on the same heads. Accuracy is that on the held-out heads, with
frames at the true centres; whatever the network's spacing, its probabilities are brought to the
0.5 mm of the reference labels. Seconds are of one joint in ONNX Runtime on two threads, the median
of five after a warm-up.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from matplotlib import pyplot as plt
from torch import nn

from export.onnx_model import INPUT, write_onnx
from negvol_cli.evaluation.metrics import compare
from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import frame_hu, resample
from negvol_cli.inference.normalise import normalise
from negvol_cli.structures import Side
from training.config import Experiment, load_experiment
from training.data.annotations import read_volume
from training.data.dataset import joint_centres
from training.evaluate.predict import predict
from training.loop.train import load_trained

THREADS = 2
TIMED = 5
REACH_MM = 24.0


@dataclass(frozen=True, slots=True)
class Result:
    """One network: Dice of both bones, seconds a joint, millions of weights."""

    name: str
    condyle: float
    bone: float
    seconds: float
    millions: float


def accuracy(experiment: Experiment, network: nn.Module, data: Path) -> tuple[float, float]:
    """Mean Dice of the condyle and of temporal bone within 24 mm of the held-out joints."""
    scores = []
    for head in experiment.folds.held_out[0]:
        ct = read_volume(data / "tmj" / head / "ct.nii.gz")
        for side in Side:
            centre = joint_centres(data / "tmj")[head][side]
            frame = JointFrame(
                side, centre, experiment.data.spacing_mm, experiment.data.size_zyx[0]
            )
            found = predict(network, normalise(frame_hu(ct, frame), experiment.data.window_hu))
            labels = read_volume(data / "tmj" / head / f"{side}.nii.gz")
            z, y, x = np.indices(labels.grid.shape_zyx)
            points = labels.grid.to_world(np.stack([x, y, z], axis=-1))
            near = np.linalg.norm(points - centre, axis=-1) <= REACH_MM
            for channel, label in enumerate((1, 2)):
                world = Volume(np.ascontiguousarray(frame.mirror(found[channel])), frame.grid)
                mine = resample(world, labels.grid, fill=0.0) > 0.5
                known = labels.values_zyx == label
                scores.append(compare(mine & near, known & near, labels.grid.spacing_mm_xyz).dice)
    return float(np.mean(scores[::2])), float(np.mean(scores[1::2]))


def seconds(experiment: Experiment, network: nn.Module) -> float:
    """Of one joint on two threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_onnx(network, experiment.data.size_zyx[0], path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    image = {INPUT: np.zeros((1, 1, *experiment.data.size_zyx), np.float32)}
    session.run(None, image)
    taken = []
    for _ in range(TIMED):
        start = time.perf_counter()
        session.run(None, image)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def draw(results: list[Result], path: Path) -> None:
    """Dice against seconds, one point a network and bone."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for values, marker, colour, label in (
        ([r.condyle for r in results], "o", "#d55e00", "condyle"),
        ([r.bone for r in results], "s", "#0072b2", "temporal bone"),
    ):
        axes.plot([r.seconds for r in results], values, marker, color=colour, label=label)
    for r in results:
        axes.annotate(
            r.name, (r.seconds, r.condyle), xytext=(6, -3), textcoords="offset points", fontsize=8
        )
    axes.set(xlabel="seconds a joint, two CPU threads", ylabel="Dice on unseen heads")
    axes.margins(x=0.2)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Judge, time and print each network that was trained."""
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    data, runs = Path(sys.argv[1]), Path(sys.argv[2])
    configs = Path(__file__).parents[1] / "training" / "configs" / "compare"
    results = []
    print("| network | spacing mm | weights, millions | s/joint | MC Dice | TB Dice |")
    print("|---|---|---|---|---|---|")
    for config in sorted(configs.glob("*.toml")):
        experiment = load_experiment(config)
        network = load_trained(experiment, runs / experiment.name / "fold0", 2)
        condyle, bone = accuracy(experiment, network, data)
        millions = sum(p.numel() for p in network.parameters()) / 1e6
        name = f"{experiment.network.kind}, {experiment.data.spacing_mm:g} mm"
        result = Result(name, condyle, bone, seconds(experiment, network), millions)
        results.append(result)
        kind, spacing = experiment.network.kind, experiment.data.spacing_mm
        print(
            f"| {kind} | {spacing:g} | {millions:.1f} | {result.seconds:.2f} | "
            f"{condyle:.3f} | {bone:.3f} |",
            flush=True,
        )
    if len(sys.argv) == 4:
        draw(results, Path(sys.argv[3]))


if __name__ == "__main__":
    main()
