"""All joints of a dataset in one file: what a machine without the scans needs to train on.

The file is NumPy's ``.npz``, compressed: of each joint the part of the CT about it (int16), its
labels, their shares of each voxel and its negative volume, and one JSON text that says where they
lie and where the labels end (``data.edges``). Anatomies without a scan have labels only. Nothing is
pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from negvol_cli.geometry.grid import Volume, vector
from negvol_cli.settings import FRAME_SIZE, FRAME_SPACING_MM
from negvol_cli.structures import Label, Side
from training.data.joints import Bytes, JointSample
from training.data.pack_file import grid_entry, grid_of, opened, write_arrays
from training.tables import ConfigError

Edges = Literal["drawn", "refined"]

LARGE_VOXELS: Final = 3_000_000
STEP_HU: Final = 4
"""Scans of finer voxels are rounded to this: it is a tenth of their noise, and halves the file."""
SHARE_STEP: Final = 17
"""Shares are rounded to this, a fifteenth of a voxel: surfaces stay within 0.03 mm."""


def write_pack(
    joints: Sequence[JointSample],
    path: Path,
    volumes: Sequence[JointSample] | None = None,
    folds: Sequence[Sequence[str]] = (),
    edges: Edges = "drawn",
) -> int:
    """Write joints, and anatomies without a scan, to one file, whole or not at all; its bytes.

    ``volumes`` are the first of the joints with NV as their label, to train on NV too; ``folds``
    the patients that the dataset itself holds out; ``edges`` says where the labels end.
    """
    arrays: dict[str, Any] = {}
    entries = []
    for index, joint in enumerate(joints):
        if joint.ct is not None:
            arrays[f"{index}-ct"] = _rounded(joint.ct)
        arrays[f"{index}-labels"] = joint.labels.values_zyx
        for label, share in (joint.shares or {}).items():
            arrays[_share_key(index, label)] = _in_steps(share)
        if volumes is not None and index < len(volumes):
            arrays[f"{index}-nv"] = np.packbits(volumes[index].labels.values_zyx > 0)
        entries.append(
            {
                "head": joint.head,
                "side": joint.side.value,
                "centre_mm": joint.centre_mm,
                "annotated_mm": joint.annotated_mm if np.isfinite(joint.annotated_mm) else None,
                "ct": None if joint.ct is None else grid_entry(joint.ct.grid),
                "labels": grid_entry(joint.labels.grid),
            }
        )
    about = {"edges": edges, "joints": entries, "folds": [list(fold) for fold in folds]}
    return write_arrays(path, about, arrays)


def read_pack(path: Path, *, volumes: bool = False) -> list[JointSample]:
    """The joints with a scan in a file; with ``volumes`` those with NV as their label.

    Raises ConfigError where the file cannot be read, or was packed without NV.
    """
    return opened(path, "joints", lambda file, about: _joints(file, about, path, volumes))


def label_maps_in_pack(path: Path) -> list[JointSample]:
    """The anatomies without a scan in a file. Raises ConfigError where there are none."""
    maps = opened(path, "joints", _label_maps)
    if not maps:
        raise ConfigError(
            f"data.label_maps is true, but {path} was packed without any: pack it again with "
            "--label-maps"
        )
    return maps


def edges_in_pack(path: Path) -> Edges:
    """Where the labels in a file end. Raises ConfigError."""
    return opened(
        path, "joints", lambda _, about: "refined" if about["edges"] == "refined" else "drawn"
    )


def _joints(file: Any, about: dict[str, Any], path: Path, volumes: bool) -> list[JointSample]:
    joints = []
    for index, entry in enumerate(about["joints"]):
        if entry["ct"]:
            joint = _joint(file, index, entry)
            joints.append(_with_volume(joint, file, f"{index}-nv", path) if volumes else joint)
    return joints


def _label_maps(file: Any, about: dict[str, Any]) -> list[JointSample]:
    entries = enumerate(about["joints"])
    return [_joint(file, index, entry) for index, entry in entries if not entry["ct"]]


def _joint(file: Any, index: int, entry: dict[str, Any]) -> JointSample:
    keys = {label: _share_key(index, label) for label in Label}
    return JointSample(
        entry["head"],
        Side(entry["side"]),
        vector(entry["centre_mm"]),
        Volume(file[f"{index}-ct"], grid_of(entry["ct"])) if entry["ct"] else None,
        Volume(file[f"{index}-labels"], grid_of(entry["labels"])),
        np.inf if entry["annotated_mm"] is None else entry["annotated_mm"],
        {label: file[key] for label, key in keys.items() if key in file.files} or None,
    )


def _with_volume(joint: JointSample, file: Any, key: str, path: Path) -> JointSample:
    if key not in file.files:
        raise ConfigError(f"{path} was packed without NV: pack it again without --without-nv")
    grid = joint.frame(FRAME_SPACING_MM, FRAME_SIZE).grid
    mask = np.unpackbits(file[key], count=FRAME_SIZE**3).reshape(grid.shape_zyx)
    labels = Volume(mask * np.uint8(3), grid)
    return JointSample(
        joint.head, joint.side, joint.centre_mm, joint.ct, labels, joint.annotated_mm
    )


def _share_key(index: int, label: Label) -> str:
    return f"{index}-{label.name.lower()}"


def _in_steps(share: Bytes) -> Bytes:
    return (np.round(share / SHARE_STEP) * SHARE_STEP).astype(np.uint8)


def _rounded(ct: Volume) -> Any:
    if ct.values_zyx.size <= LARGE_VOXELS:
        return ct.values_zyx
    return (np.round(ct.values_zyx / STEP_HU) * STEP_HU).astype(np.int16)
