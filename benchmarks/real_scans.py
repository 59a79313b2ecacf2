"""``negvol run`` on real scans: a markdown table of what came out.

    python -m benchmarks.real_scans DATA [--headneck N]

DATA holds ``tmj/<case>/ct.nii.gz`` and ``headneck/<id>.nii.gz`` with their ``joints.json``. All
cases of ``tmj`` and the first N of ``headneck`` are measured with the default bundle.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from negvol_cli.errors import NegvolError
from negvol_cli.report import JointReport, JointSpace, ScanReport
from negvol_cli.run import load_models
from negvol_cli.settings import Settings
from negvol_cli.study import measure_scan

HEADINGS = (
    "scan",
    "side",
    "status",
    "off mm",
    "head mm³",
    "NV mm³",
    "mesh/voxel %",
    "articular mm³",
    "min",
    "sup",
    "ant",
    "post",
    "med",
    "lat",
    "asymmetry %",
)


def scans(data: Path, many: int) -> list[tuple[str, Path, dict[str, Any]]]:
    """Name, file and known centres of every scan to be measured."""
    tmj = json.loads((data / "tmj" / "joints.json").read_text(encoding="utf-8"))
    headneck = json.loads((data / "headneck" / "joints.json").read_text(encoding="utf-8"))
    found = [
        (name, data / "tmj" / name / "ct.nii.gz", entry["condyle_centre_lps_mm"])
        for name, entry in tmj.items()
    ]
    first = sorted(headneck)[:many]
    return found + [(n, data / "headneck" / f"{n}.nii.gz", headneck[n]) for n in first]


def row(name: str, joint: JointReport, known: list[float], report: ScanReport) -> list[str]:
    """The cells of one joint."""
    off = ""
    if joint.centre_mm_xyz is not None:
        off = f"{np.linalg.norm(np.subtract(joint.centre_mm_xyz, known)):.1f}"
    check = ""
    if joint.nv_mm3 and joint.nv_voxel_mm3:
        check = f"{100 * (joint.nv_mm3 / joint.nv_voxel_mm3 - 1):+.1f}"
    space = joint.joint_space_mm
    spaces = [getattr(space, key, None) for key in JointSpace.__slots__]
    asymmetry = report.nv_asymmetry
    return [
        name,
        str(joint.side),
        joint.status_text,
        off,
        _number(joint.head_volume_mm3, 0),
        _number(joint.nv_mm3, 0),
        check,
        _number(joint.articular_nv_mm3, 0),
        *(_number(value, 1) for value in spaces),
        f"{asymmetry.habets_percent:.1f}" if asymmetry else "",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--headneck", type=int, default=10)
    parser.add_argument("--out", type=Path, help="Keep the results below this folder.")
    arguments = parser.parse_args()
    settings = Settings()
    models = load_models(None, settings)
    print("| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS))
    for name, path, centres in scans(arguments.data, arguments.headneck):
        out = arguments.out / name if arguments.out else None
        try:
            report = measure_scan(path, out, settings, models=models, overwrite=True)
        except NegvolError as err:
            print(f"| {name} | both | {err} |" + " |" * (len(HEADINGS) - 3))
            continue
        for joint in report.joints:
            print("| " + " | ".join(row(name, joint, centres[str(joint.side)], report)) + " |")
        for flag in report.flags:
            print(f"| {name} | flag | {flag} |" + " |" * (len(HEADINGS) - 3))


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


if __name__ == "__main__":
    main()
