"""Results whose labels are known in closed form, and the studies that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileDataset

from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.io.dicom import Series, choose_in
from negvol_cli.io.image import read_series_scan
from negvol_cli.io.report_files import write_json
from negvol_cli.pipeline import Measurement
from negvol_cli.report import (
    Asymmetry,
    JointReport,
    JointSpace,
    ScanReport,
    Status,
    Uncertainty,
)
from negvol_cli.steps.joint_view import JointView
from negvol_cli.steps.measure import JointGeometry
from negvol_cli.steps.process_axis import Axis
from negvol_cli.structures import Label, Side
from tests.io.dicom.made_dicom import image, save
from tests.render.conftest import sphere

CENTRES = {Side.RIGHT: (-48.3, 10.2, -20.6), Side.LEFT: (51.1, 9.7, -21.9)}
RADII_MM = ((Label.TEMPORAL_BONE, 16.0), (Label.NEGATIVE_VOLUME, 11.0), (Label.CONDYLE, 7.0))
"""Balls within balls, the outer ones first."""
OFFSET_MM = (2.0, 0.0, 1.0)
"""From the frame's centre to the balls', in frame mm: the right joint is a mirrored left one."""

PIXEL_MM = 2.0
SIZE_XY = (88, 40)
CORNER = np.array((-86.0, -28.0, -62.0))
AXIAL = (np.array((1.0, 0.0, 0.0)), np.array((0.0, 1.0, 0.0)))


@dataclass(frozen=True, slots=True)
class Lie:
    """How the slices of a study lie: their positions and the axes of each."""

    positions: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]


def straight(count: int = 34, step_mm: float = 2.5) -> Lie:
    return Lie(CORNER + np.outer(np.arange(count) * step_mm, (0, 0, 1)), *AXIAL)


def tilted(degrees: float = 15.0, count: int = 44) -> Lie:
    """The gantry leans while the table moves along the body."""
    angle = np.radians(degrees)
    column = np.array((0.0, np.cos(angle), np.sin(angle)))
    first = CORNER + np.array((0.0, 0.0, -12.0))
    return Lie(first + np.outer(np.arange(count) * 2.5, (0, 0, 1)), AXIAL[0], column)


def uneven() -> Lie:
    steps = np.where(np.arange(60) % 3, 1.2, 1.9)
    return Lie(CORNER + np.outer(np.cumsum(steps), (0, 0, 1)), *AXIAL)


def oblique() -> Lie:
    """A lying head, turned about all axes, on slices at right angles to each other's normal."""
    about_z, about_x = np.radians(95.0), np.radians(8.0)
    turn = np.array(
        [
            [np.cos(about_z), -np.sin(about_z), 0],
            [np.sin(about_z), np.cos(about_z), 0],
            [0, 0, 1],
        ]
    ) @ np.array(
        [[1, 0, 0], [0, np.cos(about_x), -np.sin(about_x)], [0, np.sin(about_x), np.cos(about_x)]]
    )
    row, column, normal = turn.T
    middle = np.mean(list(CENTRES.values()), axis=0)
    first = middle - PIXEL_MM * (row * 44 + column * 44) - 40 * normal
    return Lie(first + np.outer(np.arange(33) * 2.5, normal), row, column)


def images_of(lie: Lie, size_xy: tuple[int, int] = SIZE_XY, **attributes) -> list[FileDataset]:
    """Slices of soft tissue in air."""
    hu = np.full(size_xy[::-1], 40, dtype=np.int16)
    hu[0] = -1000
    axes = (*lie.row, *lie.column)
    return [
        image(hu, position, number, axes=axes, **{"PixelSpacing": [PIXEL_MM] * 2, **attributes})
        for number, position in enumerate(lie.positions, start=1)
    ]


def label_at(points_mm: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """The six-label map at points (..., 3), LPS mm, by its definition."""
    points = np.asarray(points_mm)
    found = np.zeros(points.shape[:-1], dtype=np.uint8)
    for side, base in ((Side.RIGHT, 0), (Side.LEFT, 3)):
        away = np.linalg.norm(points - ball_centre(side), axis=-1)
        for label, radius in RADII_MM:
            found[away <= radius] = base + label
    return found


def ball_centre(side: Side) -> npt.NDArray[np.float64]:
    sign = -1.0 if side is Side.RIGHT else 1.0
    return np.array(CENTRES[side]) + np.array(OFFSET_MM) * (sign, 1, 1)


def view_of(side: Side, only: Sequence[Label] = tuple(Label)) -> JointView:
    frame = JointFrame(side, CENTRES[side], spacing_mm=1.0, size=64)
    z, y, x = np.indices((64, 64, 64))
    at = frame.local_grid.to_world(np.stack([x, y, z], axis=-1)) - OFFSET_MM
    away = np.linalg.norm(at, axis=-1)
    labels = np.zeros(away.shape, dtype=np.uint8)
    for label, radius in RADII_MM:
        labels[away <= radius] = label if label in only else 0
    condyle = sphere(7.0)
    geometry = JointGeometry(
        frame=frame,
        condyle=condyle,
        temporal_bone=sphere(16.0),
        inflated=sphere(11.0),
        joint_space_mm=np.full(len(condyle.points_mm), 4.0),
        of_head=np.ones(len(condyle.points_mm), dtype=np.bool_),
        labels_zyx=labels,
        axis=Axis((0.0, 0.0, 1.0), OFFSET_MM),
        apex_mm=(2.0, 0.0, 8.0),
        head_centre_mm=OFFSET_MM,
        head_volume_mm3=1436.8,
        nv_mm3=4138.6,
        nv_voxel_mm3=4140.0,
        articular_nv_mm3=2069.3,
        joint_space=spaces(4.0),
        watertight=True,
    )
    hu = np.full((64, 64, 64), 40.0, dtype=np.float32)
    hu[labels > 0] = 900.0
    return JointView(geometry, hu)


def spaces(mm: float | None) -> JointSpace:
    return JointSpace(narrowest=mm, superior=mm, anterior=mm, posterior=mm, medial=mm, lateral=None)


def joint(side: Side, nv_mm3: float) -> JointReport:
    return JointReport(
        side=side,
        status=Status.OK,
        head_volume_mm3=1436.75503,
        nv_mm3=nv_mm3,
        nv_voxel_mm3=nv_mm3,
        articular_nv_mm3=nv_mm3 / 3,
        joint_space_mm=spaces(4.0123456789),
        uncertainty=Uncertainty(
            head_volume_mm3=41.3,
            nv_mm3=97.0,
            articular_nv_mm3=55.0,
            joint_space_mm=spaces(0.31),
        ),
        watertight=True,
    )


def report(name: str = "ct-1234") -> ScanReport:
    right, left = joint(Side.RIGHT, 4138.6), joint(Side.LEFT, 3999.9)
    return ScanReport(
        scan=name,
        spacing_mm_xyz=(PIXEL_MM, PIXEL_MM, 2.5),
        right=right,
        left=left,
        nv_asymmetry=Asymmetry.between(left.nv_mm3, right.nv_mm3),
        articular_nv_asymmetry=Asymmetry.between(left.articular_nv_mm3, right.articular_nv_mm3),
        nv_asymmetry_points=1.9,
        articular_nv_asymmetry_points=2.5,
        flags=("slices lie 1.2 to 1.9 mm apart",),
        bundle="tiny 1.0 (0123456789ab)",
        provider="CPU",
        mesh_backend="pymeshlab",
        clip="sphere of 30 mm",
    )


def measurement_of(series: Series, measured: ScanReport | None = None, views=None) -> Measurement:
    """What the pipeline would give of a series: both joints, unless others are given."""
    views = {side: view_of(side) for side in Side} if views is None else views
    return Measurement(measured or report(series.name), read_series_scan(series), views)


def write(
    source: Path,
    out: Path,
    measured: ScanReport | None = None,
    views=None,
    *,
    page: str = "<html lang='en'><body><h1>Negative volume</h1></body></html>",
    browser: str | None = None,
) -> Path:
    """Write the result of a study as ``negvol run --dicom-out`` does; give its DICOM folder.

    ``page`` is its report.html; without a ``browser`` the PDF is drawn.
    """
    series, _ = choose_in(source)
    measurement = measurement_of(series, measured, views)
    as_dicom = dicom_out(series)
    out.mkdir(parents=True)
    write_json(measurement.report, out / "report.json")
    (out / "report.html").write_text(page, encoding="utf-8")
    with patch("negvol_cli.dicom_out.printing.shutil.which", return_value=browser):
        as_dicom(measurement, out)
    return out / "dicom"


def written(images: Sequence[FileDataset], folder: Path, *args) -> Path:
    """The same for images, stored below ``folder`` first."""
    return write(save(images, folder / "study"), folder / "out" / "result", *args)


def without(measured: ScanReport, side: Side, status: Status, reason: str) -> ScanReport:
    """The report with one joint that was not measured."""
    bare = JointReport(side=side, status=status, reason=reason)
    return replace(
        measured,
        **{str(side): bare},
        nv_asymmetry=None,
        articular_nv_asymmetry=None,
        nv_asymmetry_points=None,
        articular_nv_asymmetry_points=None,
    )
