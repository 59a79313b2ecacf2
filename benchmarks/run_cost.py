"""What ``negvol run`` costs: seconds and memory per step, and the networks' share.

    python -m benchmarks.run_cost SCAN [SCAN ...]

Each scan is measured in a process of its own, from a cold start, as a person would. The networks'
floating-point operations are counted from their ONNX files and set against what a matrix product
reaches on the same machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.tables import Printed, asked_to_write

NETWORK_STEPS = ("localise", "segment")


def matrix_product_gflops(size: int = 3000, repeats: int = 5) -> float:
    """The best of ``repeats`` float32 matrix products, in 10⁹ operations per second."""
    a = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def segmenter_gflop() -> float:
    """10⁹ operations of one joint's segmentation, from the shapes of its convolutions."""
    import onnx
    from onnx import shape_inference

    from negvol_cli.bundle.bundle import load_bundle

    bundle = load_bundle()
    total = 0
    for spec in bundle.segmenters:
        graph = shape_inference.infer_shapes(onnx.load_from_string(bundle.read(spec))).graph
        weights = {w.name: tuple(w.dims) for w in graph.initializer}
        known = (*graph.value_info, *graph.output, *graph.input)
        shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in known}
        for node in graph.node:
            if node.op_type == "Conv":
                voxels = np.prod(shape[node.output[0]][2:])
            elif node.op_type == "ConvTranspose":
                voxels = np.prod(shape[node.input[0]][2:])
            else:
                continue
            total += 2 * int(voxels) * int(np.prod(weights[node.input[1]]))
    return total / 1e9


def segmenter_seconds(repeats: int = 5) -> float:
    """The best time of one joint's segmentation on the CPU."""
    from negvol_cli.bundle.bundle import load_bundle
    from negvol_cli.inference.session import open_session
    from negvol_cli.settings import Device

    bundle = load_bundle()
    predictors = [open_session(bundle.read(s), s, Device.CPU) for s in bundle.segmenters]
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        for predictor in predictors:
            predictor.warm_up()
        best = min(best, time.perf_counter() - start)
    return float(best)


def measure(scan: Path) -> tuple[float, dict[str, dict[str, float]]]:
    """Wall seconds of a cold ``negvol run`` and what its ``run.json`` says of each step."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "negvol_cli", "run", str(scan), "-o", out, "--quiet"]
        start = time.perf_counter()
        subprocess.run([*command, "--device", "cpu"], check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        (record,) = Path(out).glob("*/run.json")
        steps = json.loads(record.read_text(encoding="utf-8"))["steps"]
    return wall, {step["name"]: step for step in steps}


def main() -> None:
    """Print a table per scan."""
    write, said = asked_to_write(), Printed()
    speed, work, seconds = matrix_product_gflops(), segmenter_gflop(), segmenter_seconds()
    said.line(
        f"One joint's segmentation: {work:.0f} GFLOP in {seconds:.2f} s, {work / seconds:.0f} "
        f"GFLOP/s, {work / seconds / speed:.0%} of a matrix product's {speed:.0f} GFLOP/s"
    )
    for scan in map(Path, sys.argv[1:]):
        wall, steps = measure(scan)
        said.line(f"\n{scan.parent.name}/{scan.name}: {wall:.1f} s from a cold start\n")
        said.heading("step", "seconds", "peak so far, MiB")
        for name, step in steps.items():
            said.row(name, f"{step['seconds']:.2f}", f"{step['peak_mb']:.0f}")
        networks = sum(steps[name]["seconds"] for name in NETWORK_STEPS)
        said.line(f"\nNetworks: {networks / wall:.0%} of the time.")
    if write:
        said.write("install.md", "COST")


if __name__ == "__main__":
    main()
