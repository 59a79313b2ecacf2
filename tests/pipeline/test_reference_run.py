"""``negvol run --reference`` on a phantom whose exact labels are the reference."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk
import trimesh

from negvol_cli.geometry.align import to_sitk
from negvol_cli.io.report_files import read_json
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_labels, measure_scan


@pytest.fixture(scope="module")
def stored(tmp_path_factory, ct, head) -> Path:
    """The scan, and its exact labels, as files."""
    folder = tmp_path_factory.mktemp("reference")
    sitk.WriteImage(to_sitk(ct), str(folder / "scan.nii.gz"))
    sitk.WriteImage(to_sitk(head.labels(ct.grid)), str(folder / "labels.nii.gz"))
    return folder


@pytest.fixture(scope="module")
def out(stored, models) -> Path:
    """The result folder of a run with that reference."""
    measure_scan(
        stored / "scan.nii.gz",
        stored / "out",
        Settings(device=Device.CPU, threads=1),
        models=models,
        references=(stored / "labels.nii.gz",),
    )
    return stored / "out" / "scan"


def test_the_report_says_how_far_machine_and_reference_agree(out):
    for joint in read_json(out / "report.json").joints:
        assert joint.reference.coverage == pytest.approx(1.0, abs=0.2)
        assert 0.8 < joint.reference.condyle.dice < 1.0
        assert 0.7 < joint.reference.temporal_bone.dice < 1.0
        assert 0.0 < joint.reference.condyle.hd95_mm < 3.0
        assert joint.reference.negative_volume is None  # the phantom's labels hold none
        assert not any("reference" in flag for flag in joint.flags)


def test_run_json_counts_the_comparison_among_its_steps(out):
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))

    assert "compare with the reference" in [step["name"] for step in run["steps"]]


def test_run_json_says_what_ran_the_networks_and_why(out):
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))

    assert run["provider"].startswith("CPU")
    assert re.fullmatch(
        r"ONNX Runtime [\d.]+ and OpenVINO [\d.]+ \(OpenVINO does not run localiser.onnx: .+\)",
        run["engine"],
    )
    assert run["engine"].split(" (")[0].endswith(run["versions"]["openvino"])


def test_the_scene_stands_where_the_joints_are(out):
    """glTF in metres: x is LPS x, y is up, z is the front."""
    scene = trimesh.load_scene(out / "scene.glb")
    for joint in read_json(out / "report.json").joints:
        matrix, name = scene.graph[f"{joint.side} condyle"]
        condyle = scene.geometry[name].copy().apply_transform(matrix)
        x, y, z = joint.head_centre_mm_xyz
        low, high = condyle.bounds * 1000

        assert (low < (x, z, -y)).all()
        assert (high > (x, z, -y)).all()
    assert (out / "scene.glb").stat().st_size < 3e6


def test_the_tables_of_colours_lie_beside_the_labels(out):
    assert {"labels.nii.gz", "labels.ctbl", "labels-itksnap.txt"} <= {p.name for p in out.iterdir()}


def test_our_own_labels_as_a_reference_agree_with_themselves(out):
    labels = out / "labels.nii.gz"

    report = measure_labels(labels, references=(labels,))

    for joint in report.joints:
        assert joint.reference.condyle.dice > 0.93
        assert joint.reference.temporal_bone.dice > 0.9
        assert joint.reference.negative_volume.dice > 0.85
