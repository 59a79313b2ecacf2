"""The whole method on a phantom head: how far each figure is from the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from negvol_cli.errors import OutputError
from negvol_cli.geometry.grid import Grid
from negvol_cli.io.formats.nifti_writer import write_nifti
from negvol_cli.phantom import PhantomHead, ScanSettings, draw_head
from negvol_cli.report import Asymmetry, JointReport, ScanReport
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.structures import Side
from negvol_cli.study import measure_scan
from negvol_cli.threads import both

if TYPE_CHECKING:
    from negvol_cli.phantom import PhantomTruth

SEED: Final = 7
SPACES_MM: Final = {Side.RIGHT: 2.0, Side.LEFT: 3.5}
SPACING_MM: Final = 0.8
EXTENT_MM_XYZ: Final = (190.0, 190.0, 130.0)
ABOVE_JOINTS_MM: Final = 5.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of the report, None where it could not be had, and what it is on the phantom."""

    figure: str
    unit: str
    measured: float | None
    truth: float


@dataclass(frozen=True, slots=True)
class Demo:
    """A measured phantom: the report, the truth beside it, the scan and the result folder."""

    report: ScanReport
    comparisons: tuple[Comparison, ...]
    scan: Path
    folder: Path


def run_demo(
    out: Path,
    settings: Settings,
    *,
    seed: int = SEED,
    bundle: Path | None = None,
    progress: Callable[[str, float], None] = lambda _step, _done: None,
) -> Demo:
    """Draw a head with unequal joints, write its CT into ``out``, measure it, and compare.

    A demo's earlier result there is replaced. Raises like ``study.measure_scan``.
    """
    name = f"phantom-{seed}"
    path = out / f"{name}.nii.gz"
    models = load_models(bundle, settings)
    progress("drawing a phantom head", 0.0)
    _make_folder(out)
    head = draw_head(
        seed, right_space_mm=SPACES_MM[Side.RIGHT], left_space_mm=SPACES_MM[Side.LEFT], open_mm=0
    )

    def measured() -> ScanReport:
        write_nifti(head.scan(_grid_about(head), ScanSettings(), seed), path)
        report = measure_scan(
            path,
            out,
            settings,
            models=models,
            overwrite=True,
            progress=lambda step, done: progress(step, 0.15 + 0.75 * done),
        )
        progress("working out the truth", 0.9)
        return report

    def truths() -> dict[Side, PhantomTruth]:
        return {side: head.truth(side, settings.clip) for side in Side}

    report, true = both(measured, truths, settings.threads)
    progress("done", 1.0)
    return Demo(report, compare(report, true), path, out / name)


def compare(report: ScanReport, truths: Mapping[Side, PhantomTruth]) -> tuple[Comparison, ...]:
    """The report's main figures beside what they should be: each joint's, then the asymmetry."""
    found = [
        comparison
        for joint in report.joints
        for comparison in _compare_joint(joint, truths[joint.side])
    ]
    true = Asymmetry.between(truths[Side.LEFT].nv_mm3, truths[Side.RIGHT].nv_mm3)
    if true is not None:
        measured = report.nv_asymmetry.signed if report.nv_asymmetry else None
        found.append(Comparison("NV asymmetry, (L-R)/(L+R)", "", measured, true.signed))
    return tuple(found)


def _compare_joint(joint: JointReport, truth: PhantomTruth) -> Iterator[Comparison]:
    for name, figure in (
        ("condylar head", "head_volume_mm3"),
        ("NV", "nv_mm3"),
        ("articular NV", "articular_nv_mm3"),
    ):
        found = (getattr(source, figure) for source in (joint, truth))
        yield Comparison(f"{joint.side} {name}", "mm³", *found)
    for way in ("narrowest", "superior"):
        if getattr(truth.joint_space_mm, way) is None:
            continue
        found = (getattr(source.joint_space_mm, way, None) for source in (joint, truth))
        yield Comparison(f"{joint.side} joint space, {way}", "mm", *found)


def _grid_about(head: PhantomHead) -> Grid:
    """The grid of a head CT whose middle is a little above the middle between both joints."""
    centres = np.array([head.condyle_centre_mm(side) for side in Side])
    x, y, z = centres.mean(axis=0) - np.array(EXTENT_MM_XYZ) / 2
    size = [round(extent / SPACING_MM) for extent in EXTENT_MM_XYZ]
    return Grid(
        (size[0], size[1], size[2]),
        (SPACING_MM,) * 3,
        (float(x), float(y), float(z) + ABOVE_JOINTS_MM),
    )


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(f"cannot write into {out}: {err.strerror}; choose another -o") from err
