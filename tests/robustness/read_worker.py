"""Reads one input per line, as ``run`` and ``models`` would, and says what came of it.

Run by ``tests.robustness.forked.Worker``. A question is JSON: ``{"path", "kind", "whole"}``.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from negvol_cli.bundle.bundle import load_bundle
from negvol_cli.errors import NegvolError
from negvol_cli.io.ct_checks import check_ct
from negvol_cli.io.image import Scan, read_scan
from negvol_cli.run import Models, load_models
from negvol_cli.settings import Device, Settings
from negvol_cli.study import measure_scan

MOST_BYTES = 6 << 30
SETTINGS = Settings(device=Device.CPU, threads=1)


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    models = load_models(None, SETTINGS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for line in sys.stdin:
        question = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is held now
        start, before = time.perf_counter(), _status("VmRSS")
        answer = _outcome(Path(question["path"]), question["kind"], question["whole"], models)
        answer["seconds"] = time.perf_counter() - start
        answer["grown_mib"] = _status("VmHWM") - before
        os.write(answers, json.dumps(answer).encode() + b"\n")


def _outcome(path: Path, kind: str, whole: bool, models: Models) -> dict[str, Any]:
    try:
        if kind == "bundle":
            load_models(path, SETTINGS)
            return {"outcome": "read", "digest": load_bundle(path).hash}
        scan = read_scan(path)
        flags = check_ct(scan.volume, scan.name)
        if whole:
            measure_scan(path, settings=SETTINGS, models=models)
    except NegvolError as err:
        return {"outcome": "explained", "sentence": str(err), "error": type(err).__name__}
    except BaseException as err:  # noqa: BLE001 - whatever it is, it is the finding
        return {"outcome": "unexplained", "sentence": repr(err)}
    return {"outcome": "read", "digest": _digest(scan), "odd": _odd(scan), "flags": flags}


def _digest(scan: Scan) -> str:
    """Tells apart whatever differs in voxels or in place."""
    grid = scan.volume.grid
    place = np.array([*grid.spacing_mm_xyz, *grid.origin_mm_xyz, *grid.direction])
    digest = hashlib.sha256(np.round(place, 4).tobytes())
    digest.update(scan.volume.values_zyx.astype(np.float32).tobytes())
    return digest.hexdigest()


def _odd(scan: Scan) -> str:
    """What no scan that was let through may be; "" where it is none of that."""
    grid = scan.volume.grid
    axes = np.array(grid.direction).reshape(3, 3)
    sides = zip(grid.size_xyz, grid.spacing_mm_xyz, strict=True)
    if not np.isfinite(scan.volume.values_zyx).all():
        return "voxels that are not numbers"
    if not np.isfinite(grid.origin_mm_xyz).all():
        return f"origin {grid.origin_mm_xyz}"
    if not all(0.05 <= s <= 10 and 40 <= n * s <= 10240 and n <= 32767 for n, s in sides):
        return f"size {grid.size_xyz}, spacing {grid.spacing_mm_xyz}"
    if not np.allclose(axes.T @ axes, np.eye(3), atol=5e-3):
        return f"axes {grid.direction}"
    return ""


def _status(key: str) -> float:
    """A figure of /proc/self/status in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


if __name__ == "__main__":
    main()
