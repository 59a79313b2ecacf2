"""A scan of 512 x 512 x 600 voxels where 2 GB of memory are free."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.robustness.big_scan import SIZE_XYZ
from tests.robustness.forked import ROOT, environment

LIMIT_MIB = 2048
VOXELS_MIB = 2 * SIZE_XYZ[0] * SIZE_XYZ[1] * SIZE_XYZ[2] / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on a process's data is Linux's")
def test_a_large_scan_is_measured_in_two_gigabytes(tmp_path: Path) -> None:
    scan = tmp_path / "large.nii"

    _big_scan(scan, "--make")
    taken = float(_big_scan(scan, "--read"))
    steps = json.loads(_big_scan(scan, "--limit-mib", str(LIMIT_MIB)))

    peaks = {step["name"]: step["peak_mb"] for step in steps}
    # a little of it finds room in what importing left behind
    assert 0.95 * VOXELS_MIB < taken < 1.1 * VOXELS_MIB, (
        "the voxels are held once, turned as they are read"
    )
    assert max(peaks.values()) < 1100, peaks


def _big_scan(scan: Path, *arguments: str) -> str:
    """What ``tests.robustness.big_scan`` prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.robustness.big_scan", "--scan", str(scan), *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
