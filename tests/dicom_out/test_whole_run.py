"""``negvol run STUDY --dicom-out`` from end to end: a head scanned straight, tilted, unevenly."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import SimpleITK as sitk
from pypdf import PdfReader

from negvol_cli.dicom_out.writing import dicom_out
from negvol_cli.geometry.align import grid_of
from negvol_cli.geometry.grid import Grid, Volume, vector
from negvol_cli.geometry.resample import resample
from negvol_cli.io.report_files import read_json
from negvol_cli.phantom import draw_head
from negvol_cli.pipeline import Measurement
from negvol_cli.run import load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan
from tests.dicom_out.test_seg import VALUES, frames_of
from tests.dicom_out.test_sr import expected, figures
from tests.io.dicom.made_dicom import image, save
from tests.pipeline.heads import QUIET, grid_about

SETTINGS = Settings(device=Device.CPU, threads=1)
SPACING_MM = 1.25
ROW = np.array((1.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def models():
    return load_models(None, SETTINGS)


@pytest.fixture(scope="module")
def ct() -> Volume:
    head = draw_head(11, right_space_mm=2.0, left_space_mm=3.5, open_mm=0)
    return head.scan(grid_about(head, size_mm=(180, 190, 150), spacing_mm=SPACING_MM), QUIET, 1)


def slices(ct: Volume, positions: npt.NDArray[np.float64], column: npt.NDArray[np.float64]):
    """What a scanner shows of the head in planes at ``positions``."""
    direction = tuple(np.column_stack([ROW, column, np.cross(ROW, column)]).ravel())
    made = []
    for number, position in enumerate(positions, start=1):
        plane = Grid((*ct.grid.size_xyz[:2], 1), (SPACING_MM,) * 3, vector(position), direction)
        hu = np.rint(resample(ct, plane)[0]).astype(np.int16)
        axes, spacing = (*ROW, *column), [SPACING_MM] * 2
        made.append(image(hu, position, number, axes=axes, PixelSpacing=spacing))
    return made


def study_of(ct: Volume, how: str):
    width, height, depth = ct.grid.size_xyz
    steps = np.arange(depth) * SPACING_MM
    if how == "uneven":
        steps = np.cumsum(np.where(np.arange(depth) % 2, 1.0, 1.5)) - 1.5
        steps = steps[steps < (depth - 1) * SPACING_MM]
    angle = np.radians(15.0 if how == "tilted" else 0.0)
    column = np.array((0.0, np.cos(angle), np.sin(angle)))
    first = np.array(ct.grid.origin_mm_xyz)
    if how == "tilted":
        middle = ct.grid.to_world((np.array(ct.grid.size_xyz) - 1) / 2)
        first = middle - SPACING_MM * (ROW * (width - 1) + column * (height - 1)) / 2
        first = first - (0, 0, steps[-1] / 2)
    return slices(ct, first + np.outer(steps, (0, 0, 1)), column)


@pytest.fixture(scope="module", params=["straight", "tilted", "uneven"])
def result(request, ct, models, tmp_path_factory) -> tuple[Path, Measurement]:
    """The result folder, and what was measured."""
    folder = tmp_path_factory.mktemp(request.param)
    study = save(study_of(ct, request.param), folder / "study")
    kept: list[Measurement] = []

    def keep(series):
        write = dicom_out(series)

        def write_and_keep(measurement, place):
            kept.append(measurement)
            return write(measurement, place)

        return write_and_keep

    measure_scan(study, folder / "out", SETTINGS, models=models, dicom_out=keep)
    (out,) = (folder / "out").glob("ct-*")
    return out, kept[0]


def test_voxels_of_the_segmentation_are_our_labels_in_the_patient(result):
    folder, measurement = result
    seg = pydicom.dcmread(folder / "dicom" / "segmentation.dcm")
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    y, x = np.indices((seg.Rows, seg.Columns))
    in_plane = SPACING_MM * (x[..., None] * cosines[:3] + y[..., None] * cosines[3:])
    by_slice: dict[str, npt.NDArray[np.uint8]] = {}
    places = {}
    for what, position, source, pixels in frames_of(seg):
        uid = source.ReferencedSOPInstanceUID
        places[uid] = position + in_plane
        by_slice.setdefault(uid, np.zeros(pixels.shape, np.uint8))[pixels > 0] = VALUES[what]

    wrong = 0
    for uid, labels in by_slice.items():
        wrong += np.count_nonzero(labels != nearest(measurement, places[uid]))
    total = sum(np.count_nonzero(labels) for labels in by_slice.values())
    assert total > 20_000
    assert wrong <= total * 1e-4  # voxels whose centre lies on the border of two of the frame's


def nearest(measurement: Measurement, points) -> npt.NDArray[np.uint8]:
    """The label of the joint frame's voxel nearest to each point, in six values."""
    found = np.zeros(points.shape[:-1], dtype=np.uint8)
    for base, view in zip((0, 3), measurement.views.values(), strict=True):
        frame = view.geometry.frame
        index = np.floor(frame.local_grid.to_index(frame.to_frame(points)) + 0.5).astype(int)
        inside = ((index >= 0) & (index < frame.size)).all(axis=-1)
        at = np.where(inside[..., None], index, 0)
        labels = view.geometry.labels_zyx[at[..., 2], at[..., 1], at[..., 0]]
        found[inside & (labels > 0)] = labels[inside & (labels > 0)] + base
    return found


def test_the_segmentation_agrees_with_the_labels_on_the_measured_grid(result):
    folder, _ = result
    labels = sitk.ReadImage(str(folder / "labels.nii.gz"))
    grid, values = grid_of(labels), sitk.GetArrayFromImage(labels)
    seg = pydicom.dcmread(folder / "dicom" / "segmentation.dcm")
    shared = seg.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    same = voxels = 0
    for what, position, _, pixels in frames_of(seg):
        y, x = np.nonzero(pixels)
        points = position + SPACING_MM * (x[:, None] * cosines[:3] + y[:, None] * cosines[3:])
        index = np.rint(grid.to_index(points)).astype(int)
        inside = ((index >= 0) & (index < grid.size_xyz)).all(axis=1)
        index = index[inside]
        same += np.count_nonzero(values[index[:, 2], index[:, 1], index[:, 0]] == VALUES[what])
        voxels += np.count_nonzero(inside)

    straight = "straight" in str(folder)
    assert same == voxels if straight else same > 0.8 * voxels
    if straight:
        assert voxels == np.count_nonzero(values)


def test_figures_are_those_of_report_json_and_the_pdf_opens(result):
    folder, _ = result
    report = read_json(folder / "report.json")

    found = figures(pydicom.dcmread(folder / "dicom" / "measurements.dcm"))

    figures_of_joints = expected(report)
    assert len(figures_of_joints) >= 9  # one joint at least
    for key, (value, unit, low, high) in figures_of_joints.items():
        assert found[key][:2] == (value, unit)
        assert found[key][2:] == pytest.approx((max(low, 0), high), rel=1e-12)
    data = pydicom.dcmread(folder / "dicom" / "report.dcm")
    sheets = PdfReader(io.BytesIO(data.EncapsulatedDocument)).pages
    assert len(sheets) == 2
    assert "Research use only" in sheets[0].extract_text()


def test_the_record_says_how_and_holds_the_hash_of_each_object(result):
    record = json.loads((result[0] / "run.json").read_text())

    assert record["dicom"]["pdf"].startswith(("printed by", "drawn: "))
    objects = {name for name in record["files"] if name.startswith("dicom/")}
    assert objects == {f"dicom/{n}.dcm" for n in ("segmentation", "measurements", "report")}
    assert {"read headers", "write DICOM"} <= {step["name"] for step in record["steps"]}
