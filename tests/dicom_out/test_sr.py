"""The structured report: every figure of report.json with its unit, interval and status."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from highdicom.sr import MeasurementReport, srread
from pydicom.dataset import Dataset

from negvol_cli.dicom_out import codes
from negvol_cli.io.report_files import read_json
from negvol_cli.report import Status
from negvol_cli.settings import RESEARCH_USE
from negvol_cli.structures import Label, Side
from tests.dicom_out import made_results as made

SPACES = ("narrowest", "superior", "anterior", "posterior", "medial", "lateral")


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> Path:
    """The DICOM folder of a result with both joints."""
    return made.written(made.images_of(made.straight()), tmp_path_factory.mktemp("sr"))


def groups_of(data) -> list[Dataset]:
    """The measurement groups of a report."""
    (container,) = [i for i in data.ContentSequence if name_of(i) == "Imaging Measurements"]
    return list(container.ContentSequence)


def name_of(item) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def children(item, name: str) -> list[Dataset]:
    return [i for i in item.get("ContentSequence", []) if name_of(i) == name]


def texts(item) -> list[str]:
    return [i.TextValue for i in item.ContentSequence if i.ValueType == "TEXT"]


def side_of(group) -> str:
    """The side of a group; of one about both, both."""
    sites = children(group, "Finding Site")
    return "".join(s.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning.lower() for s in sites)


def figures(data):
    """Value, unit and bounds of each figure, by side and code."""
    found = {}
    for group in groups_of(data):
        for item in group.ContentSequence:
            if item.ValueType == "NUM":
                of = children(group, "Finding")[0].ConceptCodeSequence[0].CodeValue
                key = side_of(group), of, item.ConceptNameCodeSequence[0].CodeValue
                value, unit = number(item)
                bounds = [
                    number(child)[0]
                    for name in (codes.LOWER_BOUND, codes.UPPER_BOUND)
                    for child in children(item, name.meaning)
                ]
                assert all(number(child)[1] == unit for child in item.get("ContentSequence", []))
                assert key not in found
                found[key] = value, unit, *(bounds or (None, None))
    return found


def number(item) -> tuple[float, str]:
    measured = item.MeasuredValueSequence[0]
    assert float(measured.NumericValue) == pytest.approx(measured.FloatingPointValue, rel=1e-12)
    return measured.FloatingPointValue, measured.MeasurementUnitsCodeSequence[0].CodeValue


def expected(report):
    """The same, read off the report."""
    found = {}
    for joint in report.joints:
        side, halves = str(joint.side), joint.uncertainty
        if halves is None:  # not measured
            continue
        volumes = (
            ("67183008", "HEADVOL", "head_volume_mm3"),
            ("NV", "NVVOL", "nv_mm3"),
            ("NV", "ARTNV", "articular_nv_mm3"),
        )
        for of, code, name in volumes:
            value, half = getattr(joint, name), getattr(halves, name)
            found[side, of, code] = value, "mm3", value - half, value + half
        for name in SPACES:
            value = getattr(joint.joint_space_mm, name)
            if value is not None:
                half = getattr(halves.joint_space_mm, name)
                code = codes.JOINT_SPACES[name].value
                found[side, "NV", code] = value, "mm", value - half, value + half
    return found


def test_the_numbers_are_those_of_report_json_each_with_unit_and_interval(result):
    report = read_json(result.parent / "report.json")

    found = figures(pydicom.dcmread(result / "measurements.dcm"))

    of_joints = {key: value for key, value in found.items() if key[0] != "rightleft"}
    assert of_joints.keys() == expected(report).keys()
    for key, (value, unit, low, high) in expected(report).items():
        assert of_joints[key][:2] == (value, unit)
        assert of_joints[key][2:] == pytest.approx((low, high), rel=1e-12)
    for of, asymmetry, points in (
        ("NVVOL", report.nv_asymmetry, 1.9),
        ("ARTNV", report.articular_nv_asymmetry, 2.5),
    ):
        signed = found["rightleft", of, "ASYMSIGNED"]
        assert signed[:2] == (asymmetry.signed, "1")
        low, high = asymmetry.signed - points / 100, asymmetry.signed + points / 100
        assert signed[2:] == pytest.approx((low, high))
        assert found["rightleft", of, "ASYMHABETS"][:2] == (asymmetry.habets_percent, "%")
        mean = found["rightleft", of, "ASYMMEAN"]
        assert mean[:2] == (asymmetry.mean_normalised_percent, "%")
    # 100·(L-R)/(L+R) is -1.7 ± 1.9 and ± 2.5: both intervals hold 0, where the absolute index ends.
    assert found["rightleft", "NVVOL", "ASYMHABETS"][2:] == pytest.approx((0, 3.6042), abs=1e-3)


def test_a_joint_that_was_not_measured_says_why_and_the_asymmetry_too(tmp_path):
    lost = made.without(made.report(), Side.LEFT, Status.NOT_FOUND, "no condyle where it should be")
    views = {Side.RIGHT: made.view_of(Side.RIGHT)}

    result = made.written(made.images_of(made.straight()), tmp_path, lost, views)

    data = pydicom.dcmread(result / "measurements.dcm")
    (left,) = [group for group in groups_of(data) if side_of(group) == "left"]
    assert children(left, "Status of the joint")[0].ConceptCodeSequence[0].CodeValue == "NOTFOUND"
    assert "Not measured: not found: no condyle where it should be" in texts(left)
    assert {side for side, _, _ in figures(data)} == {"right"}
    both = [group for group in groups_of(data) if side_of(group) == "rightleft"]
    assert all("both joints are needed" in texts(group)[-1] for group in both)


def test_of_a_joint_that_is_cut_there_is_what_was_measured_and_why_the_rest_is_not(tmp_path):
    whole = made.report()
    cut = replace(
        whole.left,
        status=Status.CUT,
        reason="4 % of the sphere were not scanned",
        nv_mm3=None,
        articular_nv_mm3=None,
        nv_lower_bound_mm3=3111.5,
    )
    views = {
        Side.RIGHT: made.view_of(Side.RIGHT),
        Side.LEFT: made.view_of(Side.LEFT, (Label.CONDYLE, Label.TEMPORAL_BONE)),
    }

    result = made.written(
        made.images_of(made.straight()), tmp_path, replace(whole, left=cut), views
    )

    data = pydicom.dcmread(result / "measurements.dcm")
    found = figures(data)
    assert found["left", "67183008", "HEADVOL"][0] == cut.head_volume_mm3
    assert found["left", "NV", "NVLOW"] == (3111.5, "mm3", None, None)
    assert ("left", "NV", "NVVOL") not in found
    groups = [group for group in groups_of(data) if side_of(group) == "left"]
    assert [child.CodeValue for child in statuses(groups)] == ["CUT", "CUT"]
    why = "cut by the field of view: 4 % of the sphere were not scanned"
    assert {f"Negative volume (NV): {why}", f"Articular negative volume: {why}"} <= {
        *texts(groups[1])
    }
    assert not children(groups[1], "Referenced Segment")  # no voxel of it was segmented


def statuses(groups) -> list[Dataset]:
    return [
        child.ConceptCodeSequence[0]
        for group in groups
        for child in children(group, "Status of the joint")
    ]


def test_the_report_is_read_back_and_refers_to_the_segments(result):
    report = srread(result / "measurements.dcm").content
    assert isinstance(report, MeasurementReport)
    segments = pydicom.dcmread(result / "segmentation.dcm").SegmentSequence
    labels = {segment.SegmentNumber: segment.SegmentLabel for segment in segments}

    groups = report.get_volumetric_roi_measurement_groups()

    tracked = {segment.SegmentNumber: segment.TrackingUID for segment in segments}
    for group in groups:
        assert group.tracking_uid == tracked[group.referenced_segment.referenced_segment_numbers[0]]
    told = {
        labels[group.referenced_segment.referenced_segment_numbers[0]]: next(
            measurement.name.meaning for measurement in group.get_measurements()
        )
        for group in groups
    }
    assert told == {
        "Right mandibular condyle": "Volume of the condylar head",
        "Right negative volume": "Negative volume (NV)",
        "Left mandibular condyle": "Volume of the condylar head",
        "Left negative volume": "Negative volume (NV)",
    }


def test_images_of_a_class_that_no_library_knows_are_referred_to_by_it(tmp_path):
    own = "1.2.826.0.1.3680043.2.1125.77"
    result = made.written(made.images_of(made.straight(), sop_class=own), tmp_path)

    study = pydicom.dcmread(result / "measurements.dcm").CurrentRequestedProcedureEvidenceSequence
    classes = {
        item.ReferencedSOPClassUID
        for series in study[0].ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert classes == {own, "1.2.840.10008.5.1.4.1.1.66.4"}
    for name in ("segmentation.dcm", "report.dcm"):
        images = pydicom.dcmread(result / name)
        series = images.get("ReferencedSeriesSequence", [])
        items = (
            images.SourceInstanceSequence if not series else series[0].ReferencedInstanceSequence
        )
        assert {item.ReferencedSOPClassUID for item in items} == {own}


def test_dcmtk_reads_the_report_without_an_error(result):
    if shutil.which("dsrdump") is None:
        pytest.skip("dcmtk's dsrdump is not installed")

    done = subprocess.run(
        ["dsrdump", str(result / "measurements.dcm")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))]
    assert '"Negative volume (NV)")="4138.6" (mm3,UCUM' in done.stdout


def test_use_flags_and_sphere_are_said_for_the_whole_report(result):
    data = pydicom.dcmread(result / "measurements.dcm")

    assert {RESEARCH_USE, "sphere of 30 mm", "Scan: slices lie 1.2 to 1.9 mm apart"} <= {
        *texts(data)
    }
    assert (data.VerificationFlag, data.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
