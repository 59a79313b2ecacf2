"""How much ``negvol run`` changes its figures when only the scan changes, not the head.

    python benchmarks/repeatability.py DATA [--bundle B] [--heads A,B]

Each head of ``DATA/tmj`` is measured as it is, with slices of 0.4 to 1.5 mm, turned by up to 15
degrees about each axis, and with its noise doubled. The coefficient of variation is over all of
these; the spread of each kind of change is given beside it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.resample import grid_of, resample, to_sitk
from negvol_cli.io.image import Scan, read_scan
from negvol_cli.mesh.backend import load_backend
from negvol_cli.pipeline import Models, Run, load_models, measure_ct
from negvol_cli.settings import Settings
from negvol_cli.structures import AIR_HU, Side

HEADS = "visible-male,fullhead,cranium,medimodel"
SLICES_MM = (0.4, 0.8, 1.2, 1.5)
ANGLES_DEG = (5.0, 10.0, 15.0)
FIGURES = ("nv_mm3", "articular_nv_mm3", "head_volume_mm3")
SOFT_HU = (-50.0, 150.0)


def varied(volume: Volume) -> Iterator[tuple[str, str, Volume]]:
    """The kind of change, its name, and the scan so changed."""
    yield "", "as it is", volume
    for mm in SLICES_MM:
        yield "slices", f"{mm:g} mm slices", with_slices(volume, mm)
    for index, axis in enumerate("xyz"):
        for degrees in ANGLES_DEG:
            signed = degrees if index != 1 else -degrees
            yield "turned", f"{signed:g} degrees about {axis}", turned(volume, index, signed)
    yield "noise", "noise doubled", noisier(volume)


def with_slices(volume: Volume, mm: float) -> Volume:
    """The scan with axial slices ``mm`` apart, each as thick as that; never thinner than it was."""
    grid = volume.grid
    sx, sy, sz = grid.spacing_mm_xyz
    values = volume.values_zyx.astype(np.float32)
    if mm > sz:  # the profile of a thicker slice, as wide at half its height
        values = gaussian_filter(values, (np.sqrt(mm**2 - sz**2) / 2.355 / sz, 0, 0))
    nx, ny, nz = grid.size_xyz
    coarse = Grid((nx, ny, max(int(nz * sz / mm), 1)), (sx, sy, mm), grid.origin_mm_xyz)
    return whole(resample(Volume(values, grid), coarse, fill=AIR_HU), coarse)


def turned(volume: Volume, axis: int, degrees: float) -> Volume:
    """The head turned about an axis through the scan's middle, on a grid that holds all of it."""
    image = to_sitk(volume)
    middle = volume.grid.to_world((np.array(volume.grid.size_xyz) - 1) / 2)
    angles = [0.0, 0.0, 0.0]
    angles[axis] = float(np.deg2rad(degrees))
    turn = sitk.Euler3DTransform(middle.tolist(), *angles)
    corners = np.array(
        [turn.GetInverse().TransformPoint(c) for c in volume.grid.corners_mm().tolist()]
    )
    spacing = np.array(volume.grid.spacing_mm_xyz)
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.ceil((high - low) / spacing).astype(int)
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), vector(spacing), vector(low))
    space = to_sitk(Volume(np.zeros(grid.shape_zyx, np.int16), grid))
    result = sitk.Resample(image, space, turn, sitk.sitkBSpline3, AIR_HU)
    return whole(sitk.GetArrayFromImage(result), grid_of(result))


def noisier(volume: Volume) -> Volume:
    """The scan with twice its noise: three times its own variance is added."""
    values = volume.values_zyx.astype(np.float32)
    fine = values - gaussian_filter(values, 1.0)
    soft = (values > SOFT_HU[0]) & (values < SOFT_HU[1])
    spread = 1.4826 * float(np.median(np.abs(fine[soft])))
    noise = np.random.default_rng(1).standard_normal(values.shape, dtype=np.float32)
    return whole(values + np.sqrt(3.0) * spread * noise, volume.grid)


def whole(values: npt.NDArray[np.floating], grid: Grid) -> Volume:
    """The image as a scanner stores it: int16."""
    return Volume(np.rint(np.clip(values, -1024, 3071)).astype(np.int16), grid)


def measured(scan: Scan, volume: Volume, models: Models) -> dict[tuple[Side, str], float]:
    """Each figure of each joint that is ok."""
    scan = replace(scan, volume=volume)
    try:
        run = Run(settings=Settings(), backend=load_backend(), models=models)
        report = measure_ct(scan, (), run).report
    except InputError as err:
        print(f"  {err}", flush=True)
        return {}
    found = {}
    for joint in report.joints:
        if joint.nv_mm3 is not None and joint.status_text == "ok":
            found.update({(joint.side, name): float(getattr(joint, name)) for name in FIGURES})
    return found


def main() -> None:
    """Print every figure, and the coefficients of variation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--bundle", type=Path, help="Another bundle than the default one.")
    parser.add_argument("--heads", default=HEADS, help="Comma-separated.")
    arguments = parser.parse_args()
    models = load_models(arguments.bundle, Settings())
    kinds = ("all", "slices", "turned", "noise")
    rows = []
    for head in arguments.heads.split(","):
        scan = read_scan(arguments.data / "tmj" / head / "ct.nii.gz")
        values: dict[tuple[Side, str], dict[str, list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        runs = 0
        for kind, name, volume in varied(scan.volume):
            runs += 1
            figures = measured(scan, volume, models)
            nv = (f"{side} NV {figures.get((side, 'nv_mm3'), np.nan):.0f}" for side in Side)
            print(f"{head}, {name}: {', '.join(nv)}", flush=True)
            for key, value in figures.items():
                for group in {"all", kind} if kind else set(kinds):
                    values[key][group].append(value)
        for side in Side:
            cells = [head, str(side), f"{len(values[side, FIGURES[0]]['all'])} of {runs}"]
            for name in FIGURES:
                shown = kinds if name == FIGURES[0] else ("all",)
                cells += [f"{variation(values[side, name][kind]):.1f}" for kind in shown]
            rows.append(cells)
    headings = ["head", "side", "runs that are ok", *(f"NV, {kind}" for kind in kinds)]
    headings += ["articular NV, all", "head volume, all"]
    print("\nCoefficients of variation, per cent\n\n| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for cells in rows:
        print("| " + " | ".join(cells) + " |")


def variation(values: list[float]) -> float:
    """Coefficient of variation in per cent; NaN for fewer than two values."""
    if len(values) < 2:
        return float("nan")
    return float(100 * np.std(values, ddof=1) / np.mean(values))


if __name__ == "__main__":
    main()
