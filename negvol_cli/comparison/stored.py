"""A result folder of ``negvol run``, read back: its report and its meshes in LPS mm."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.image import read_image
from negvol_cli.io.mesh_files import JOINT_SPACE, read_ply
from negvol_cli.io.output_folder import REVISIONS
from negvol_cli.io.report_files import read_json
from negvol_cli.mesh.mesh import Mesh
from negvol_cli.report import SCHEMA, JointReport, ScanReport, Status
from negvol_cli.settings import MeshFiles
from negvol_cli.steps.uncertainty import coarse_sd_mm, common_sd_mm
from negvol_cli.structures import Side

REPORT: Final = "report.json"
RECORD: Final = "run.json"
CT: Final = "edit/{side}_ct.nrrd"
MEASURED: Final = (Status.OK, Status.CUT)
UNKNOWN_BLUR_MM: Final = 0.8
"""Of a result that was measured from labels: as in a clinical CT of 1.5 mm slices."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredJoint:
    """One measured joint; meshes in LPS mm, ``joint_space_mm`` (V,) at the condyle's vertices.

    ``ct`` is the scan about the joint, None where the result does not keep it. ``voxel_mm`` is the
    longest edge of the scan's voxels.
    """

    report: JointReport
    condyle: Mesh
    temporal_bone: Mesh
    inflated: Mesh
    joint_space_mm: np.ndarray[Any, np.dtype[np.float64]]
    ct: Volume | None = None
    voxel_mm: float = 0.0

    @property
    def side(self) -> Side:
        """The side of the patient."""
        return self.report.side

    @property
    def centre_mm(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The centre (3,) of the condylar head, LPS mm."""
        return np.array(self.report.head_centre_mm_xyz, dtype=np.float64)

    @property
    def common_mm(self) -> float:
        """Standard deviation of what is common to the whole surface of a bone (see ``steps``)."""
        edges = self.report.edges
        blurred = common_sd_mm(edges.blur_mm_xyz if edges else (UNKNOWN_BLUR_MM,) * 3)
        return float(np.hypot(blurred, coarse_sd_mm(self.voxel_mm)))


@dataclass(frozen=True, slots=True, eq=False)
class StoredResult:
    """The result in ``folder``, with the joints whose figures may be compared.

    ``version`` is that of the negvol that wrote it.
    """

    folder: Path
    report: ScanReport
    input_sha256: str
    joints: Mapping[Side, StoredJoint]
    version: str = ""

    @property
    def name(self) -> str:
        """The scan's name, and which revision this is where somebody corrected an outline."""
        folder = self.folder.resolve()
        number = f" revision {folder.name}" if folder.parent.name == REVISIONS else ""
        return f"{self.report.scan}{number}"

    def why_not(self, side: Side) -> str:
        """Why a joint that is not in ``joints`` is not."""
        return self.report.joint(side).status_text


def read_result(folder: Path) -> StoredResult:
    """Read what ``negvol run`` wrote to ``folder``.

    Raises
    ------
    InputError
        There is no result, it is of another schema, or a file of it is missing, damaged or not
        the one that was written.
    """
    if not (folder / REPORT).is_file():
        raise InputError(
            f"{folder} is not a result folder ({REPORT} is not in it): give the folder of one "
            "scan that negvol run has written"
        )
    _refuse_other_schema(folder)
    record = _record(folder)
    _check(folder, REPORT, record)
    report = read_json(folder / REPORT)
    joints = {
        joint.side: _joint(joint, folder, record, max(report.spacing_mm_xyz))
        for joint in report.joints
        if joint.status in MEASURED and joint.head_centre_mm_xyz is not None
    }
    versions = record.get("versions")
    version = str(versions.get("negvol", "")) if isinstance(versions, dict) else ""
    return StoredResult(folder, report, str(record.get("input_sha256", "")), joints, version)


def _refuse_other_schema(folder: Path) -> None:
    try:
        values = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # read_json says what is wrong
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"{folder} was written by another version of negvol (schema {schema}, here {SCHEMA}): "
            "measure its scan again with this one"
        )


def _record(folder: Path) -> Mapping[str, Any]:
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise InputError(
            f"cannot read {folder / RECORD}, which says what belongs to the result: measure the "
            "scan again"
        ) from err
    if not isinstance(values, dict) or not isinstance(values.get("files"), dict):
        raise InputError(f"{folder / RECORD} lists no files: measure the scan again")
    return values


def _check(folder: Path, name: str, record: Mapping[str, Any]) -> None:
    """Raise InputError unless a file is the one that was written."""
    try:
        digest = digest_of([folder / name])
    except OSError as err:
        raise InputError(
            f"cannot read {folder / name} ({err.strerror}): measure the scan again"
        ) from err
    if record["files"].get(name) != digest:
        raise InputError(
            f"{folder / name} is not the file that negvol wrote there: measure the scan again"
        )


def _joint(
    joint: JointReport, folder: Path, record: Mapping[str, Any], voxel_mm: float
) -> StoredJoint:
    if record.get("settings", {}).get("meshes") == MeshFiles.NONE:
        raise InputError(
            f"{folder} was measured with --no-meshes, and meshes are what is compared: measure the "
            "scan again without it"
        )
    meshes: dict[str, Mesh] = {}
    space = np.zeros(0)
    for name in ("condyle", "temporal_bone", "inflated"):
        file = f"meshes/{joint.side}_{name}.ply"
        if file not in record["files"]:
            meshes[name] = Mesh.empty()
            continue
        _check(folder, file, record)
        meshes[name], values = read_ply(folder / file)
        if name == "condyle":
            space = values.get(JOINT_SPACE, np.full(len(meshes[name].points_mm), np.nan))
    ct = _ct(joint.side, folder, record)
    return StoredJoint(joint, **meshes, joint_space_mm=space, ct=ct, voxel_mm=voxel_mm)


def _ct(side: Side, folder: Path, record: Mapping[str, Any]) -> Volume | None:
    file = CT.format(side=side)
    if file not in record["files"]:
        return None
    _check(folder, file, record)
    return read_image(folder / file).volume
