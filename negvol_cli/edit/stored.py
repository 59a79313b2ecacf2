"""A result of ``negvol run`` read back, to be corrected: only as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from negvol_cli.edit.basis_file import read_basis
from negvol_cli.edit.folder import FOLDER, files_of
from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Volume
from negvol_cli.io.hashing import digest_of
from negvol_cli.io.image import Scan, read_image
from negvol_cli.io.label_map import LABELS_FILE, read_labels
from negvol_cli.io.output_folder import RESULT_MARK
from negvol_cli.io.report_files import read_json
from negvol_cli.report import ScanReport
from negvol_cli.settings import ClipSettings, ClipShape, HeadSettings, InflationSettings, Settings
from negvol_cli.steps.joint_basis import JointBasis
from negvol_cli.structures import Label, Side, scan_label

REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True, eq=False)
class StoredJoint:
    """What a joint can be measured again from.

    ``outline`` has its ``Label`` values, in world order, on the grid of the files in edit/.
    """

    basis: JointBasis
    outline: Volume

    @property
    def side(self) -> Side:
        """The side of the patient."""
        return self.basis.measured.frame.side


@dataclass(frozen=True, slots=True, eq=False)
class StoredResult:
    """The result in ``folder``: its report, settings, labels and joints.

    ``labels`` is labels.nii.gz on the scan's own grid; ``scan_sha256`` is the scan's, ``sha256``
    that of run.json, which has those of all files.
    """

    folder: Path
    report: ScanReport
    settings: Settings
    labels: Scan
    scan_sha256: str
    sha256: str
    bundle: str
    joints: Mapping[Side, StoredJoint]

    def labels_of(self, side: Side) -> Volume:
        """One side's condyle (1) and temporal bone (2) on the scan's grid, in LPS order."""
        table = np.zeros(256, dtype=np.uint8)
        for label in (Label.CONDYLE, Label.TEMPORAL_BONE):
            table[scan_label(side, label)] = label
        volume = self.labels.volume
        return Volume(table[volume.values_zyx], volume.grid)


def read_result(folder: Path) -> StoredResult:
    """Read the result in ``folder``.

    Raises
    ------
    InputError
        There is none, it keeps nothing to be measured again from, or one of its files is missing or
        not as it was written.
    """
    record = _record(folder)
    files = record["files"]
    if not any(name.startswith(f"{FOLDER}/") for name in files):
        raise InputError(
            f"{folder} keeps nothing to measure again from ({FOLDER}/ is not in it; it was written "
            "by an older negvol, or from labels alone): measure its scan again with this one"
        )
    names = [REPORT, LABELS_FILE, *(name for name in files if name.startswith(f"{FOLDER}/"))]
    for name in names:
        _check(folder, name, files)
    report = read_json(folder / REPORT)
    return StoredResult(
        folder=folder,
        report=report,
        settings=_settings(record, folder),
        labels=read_labels(folder / LABELS_FILE),
        scan_sha256=str(record.get("input_sha256", "")),
        sha256=digest_of([folder / RESULT_MARK]),
        bundle=report.bundle,
        joints={side: _joint(side, folder) for side in Side if _has(side, files)},
    )


def _record(folder: Path) -> Mapping[str, Any]:
    mark = folder / RESULT_MARK
    if not mark.is_file():
        raise InputError(
            f"{folder} is not a result ({RESULT_MARK} is not in it): give the folder of one scan "
            "that negvol run has written"
        )
    try:
        record = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        raise InputError(f"{mark} cannot be read ({err}): measure the scan again") from err
    if not isinstance(record, dict) or not isinstance(record.get("files"), dict):
        raise InputError(f"{mark} names no files: measure the scan again")
    return record


def _check(folder: Path, name: str, files: Mapping[str, Any]) -> None:
    try:
        digest = digest_of([folder / name])
    except (OSError, ValueError) as err:
        raise InputError(f"{folder / name} cannot be read: measure the scan again") from err
    if files.get(name) != digest:
        raise InputError(
            f"{folder / name} is not as negvol wrote it (its SHA-256 is not that in {RESULT_MARK}):"
            " save corrections under another name and measure the scan again"
        )


def _has(side: Side, files: Mapping[str, Any]) -> bool:
    return all(f"{FOLDER}/{name}" in files for name in files_of(side))


def _joint(side: Side, folder: Path) -> StoredJoint:
    ct, outline, basis = (folder / FOLDER / name for name in files_of(side))
    hu = read_image(ct).volume.values_zyx
    read = read_basis(basis, hu[..., ::-1] if side is Side.RIGHT else hu)
    return StoredJoint(read, read_labels(outline).volume)


def _settings(record: Mapping[str, Any], folder: Path) -> Settings:
    """The settings of the method that the result was measured with."""
    try:
        said = record["settings"]
        return Settings(
            clip=ClipSettings(
                shape=ClipShape(said["clip"]["shape"]), width_mm=float(said["clip"]["width_mm"])
            ),
            head=HeadSettings(**said["head"]),
            inflation=InflationSettings(**said["inflation"]),
            enhance=bool(said["enhance"]),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(
            f"{folder / RESULT_MARK} has settings of another negvol ({err}): measure the scan again"
        ) from err
