"""From the CT of phantoms through networks, results and comparison: three whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from negvol_cli import compare, measure_scan
from negvol_cli.comparison.report import Comparison, Outcome
from negvol_cli.comparison.rows import asymmetry_rows, joint_rows
from negvol_cli.geometry.align import to_sitk
from negvol_cli.phantom import CondyleChange, PhantomHead, ScanSettings, changed, draw_head
from negvol_cli.run import load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.structures import Side
from tests.pipeline.heads import grid_about

MOVED = CondyleChange(turn_degrees=(2.0, 1.0, -2.5), shift_mm=(0.8, -1.2, -1.5))
WORN = CondyleChange(worn_mm=1.0)
SHARP = ScanSettings(noise_hu=8.0, blur_mm=0.4)
DEGRADED = ScanSettings(noise_hu=20.0, blur_mm=0.6)
TILT = ((6.0, 3.0, -4.0), (2.0, 3.0, 1.0))


@pytest.fixture(scope="module")
def head() -> PhantomHead:
    return draw_head(11, right_space_mm=3.5, left_space_mm=3.5, open_mm=0.0).straightened()


@pytest.fixture(scope="module")
def results(head: PhantomHead, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Result folders: the head, the same degraded, and with its condyles changed and degraded."""
    here = tmp_path_factory.mktemp("whole")
    settings = Settings(device=Device.CPU)
    models = load_models(None, settings)
    other = changed(changed(head, Side.LEFT, MOVED), Side.RIGHT, WORN)
    scans = {
        "before": (head, 0.8, SHARP),
        "degraded": (head.moved(*TILT), 1.0, DEGRADED),
        "changed": (other.moved(*TILT), 1.0, DEGRADED),
    }
    for seed, (name, (of, spacing, scanner)) in enumerate(scans.items()):
        path = here / f"{name}.nii.gz"
        volume = of.scan(grid_about(of, spacing_mm=spacing), scanner, seed)
        sitk.WriteImage(to_sitk(volume), str(path))
        measure_scan(path, here / "results", settings, models=models)
    return {name: here / "results" / name for name in scans}


@pytest.fixture(scope="module")
def found(results: dict[str, Path]) -> Comparison:
    return compare(results["before"], results["changed"])


def test_a_head_against_its_degraded_copy_claims_no_change(results):
    found = compare(results["before"], results["degraded"])
    rows = [row for joint in found.joints for row in joint_rows(joint)]
    rows += asymmetry_rows(found)

    assert all(joint.outcome is Outcome.COMPARED for joint in found.joints)
    assert all(joint.cranial_base.by == "intensities" for joint in found.joints)
    assert [row.name for row in rows if row.claimed] == []
    assert sum(row.claimed is False for row in rows) == 28


def test_a_moved_condyle_is_found_to_a_fifth_of_a_millimetre(found: Comparison, head: PhantomHead):
    axes = np.array(head.pose.turn).reshape(3, 3)
    turn = Rotation.from_matrix(axes @ MOVED.turn @ axes.T).as_rotvec(degrees=True)
    movement = found.left.movement

    assert np.linalg.norm(movement.shift_mm_xyz - axes @ MOVED.shift_mm) < 0.2
    assert np.linalg.norm(movement.turn_degrees_xyz - turn) < 0.5
    assert movement.moved
    assert movement.turned
    assert not found.left.remodelling.lost
    assert not found.left.remodelling.gained


def test_a_worn_pole_is_found_to_a_fifth_of_a_millimetre(found: Comparison):
    assert found.right.remodelling.lost_mm == pytest.approx(1.0, abs=0.2)
    assert found.right.remodelling.lost
    assert not found.right.remodelling.gained
    assert not found.right.movement.moved
    assert not found.right.movement.turned


def test_the_same_scan_twice_has_changed_in_nothing(results):
    found = compare(results["before"], results["before"])

    for joint in found.joints:
        rows = {row.name: row for row in joint_rows(joint)}
        assert all(abs(row.change) < 0.02 for row in rows.values() if row.change is not None)
        assert all(row.half_95 > 0.05 for row in rows.values() if row.half_95 is not None)
    assert "of the same scan" in found.flags[0]
