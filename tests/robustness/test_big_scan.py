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
    command = [sys.executable, "-m", "tests.robustness.big_scan", "--scan", str(scan)]
    subprocess.run([*command, "--make"], cwd=ROOT, env=environment(), check=True)

    ran = subprocess.run(
        [*command, "--limit-mib", str(LIMIT_MIB)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    peaks = {step["name"]: step["peak_mb"] for step in json.loads(ran.stdout)}
    taken = peaks["read"] - peaks["load models"]
    assert VOXELS_MIB < taken < 1.1 * VOXELS_MIB, (
        "the voxels are held once, turned as they are read"
    )
    assert max(peaks.values()) < 1000
