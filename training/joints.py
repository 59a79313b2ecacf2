"""The annotated joints: source cubes around each condyle, in frame order (right mirrored)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from negvol_cli.config import Side
from negvol_cli.image_io import AIR_HU, grid_of, resample
from negvol_cli.phantom import ScanSettings, draw_head
from negvol_cli.preprocess import JointFrame
from negvol_cli.volume import Grid, Vector, Volume

SOURCE_SIZE = 192
SOURCE_SPACING_MM = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class JointSample:
    """One joint to learn from, wider than a frame so that frames can be turned and shifted in it.

    ``channels`` (4, z, y, x) float16 over ``frame``: HU / 1000, MC, TB, and 1 where MC and TB are
    known. Frame order: the right joint mirrored.
    """

    head: str
    frame: JointFrame
    channels: npt.NDArray[np.float16]


def read_volume(path: Path) -> Volume:
    """An image as stored, axes in LPS order."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    return Volume(sitk.GetArrayFromImage(image), grid_of(image))


def joint_centres(folder: Path) -> dict[str, dict[Side, Vector]]:
    """The condylar centres, LPS mm, of every head in a data folder's ``joints.json``."""
    table: dict[str, Any] = json.loads((folder / "joints.json").read_text(encoding="utf-8"))
    centres = {}
    for head, entry in table.items():
        sides = entry.get("condyle_centre_lps_mm", entry)
        centres[head] = {side: tuple(float(v) for v in sides[side.value]) for side in Side}
    return centres  # type: ignore[return-value]


def load_joints(folder: Path) -> list[JointSample]:
    """Both joints of every labelled head below ``folder``."""
    samples = []
    for head, centres in joint_centres(folder).items():
        if not (folder / head / "right.nii.gz").is_file():
            continue
        ct = read_volume(folder / head / "ct.nii.gz")
        for side in Side:
            frame = JointFrame(side, centres[side], SOURCE_SPACING_MM, SOURCE_SIZE)
            labels = read_volume(folder / head / f"{side.value}.nii.gz")
            samples.append(_sample(head, frame, ct, labels))
    return samples


def _sample(head: str, frame: JointFrame, ct: Volume, labels: Volume) -> JointSample:
    grid = frame.grid
    masks = [
        resample(Volume((labels.values_zyx == value).astype(np.float32), labels.grid), grid, fill=0)
        for value in (1, 2)
    ]
    known = resample(Volume(np.ones(labels.grid.shape_zyx, np.float32), labels.grid), grid, fill=0)
    return _pack(head, frame, resample(ct, grid, fill=AIR_HU), masks[0], masks[1], known)


def _pack(head: str, frame: JointFrame, *arrays: npt.NDArray[np.float32]) -> JointSample:
    hu, *rest = (frame.mirror(a) for a in arrays)
    hu = np.clip(hu, -1024, 3071) / 1000
    return JointSample(head, frame, np.stack([hu, *rest]).astype(np.float16))


def phantom_joints(count: int, seed: int) -> list[JointSample]:
    """Both joints of ``count`` phantom heads with exact labels."""
    samples = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        phantom = draw_head(int(rng.integers(2**31)))
        for side in Side:
            frame = JointFrame(
                side, phantom.condyle_centre_mm(side), SOURCE_SPACING_MM, SOURCE_SIZE
            )
            half = frame.size * frame.spacing_mm / 2
            voxel = tuple(float(v) for v in rng.uniform(0.4, 1.2, 3))
            low = np.array(frame.centre_mm_xyz) - half
            shape = tuple(int(np.ceil(2 * half / v)) for v in voxel)
            ct = phantom.scan(
                Grid(shape, voxel, tuple(float(v) for v in low)),  # type: ignore[arg-type]
                ScanSettings.draw(rng),
                int(rng.integers(2**31)),
            )
            labels = phantom.joint_labels(frame.grid, side)
            samples.append(
                _pack(
                    f"phantom-{index}",
                    frame,
                    resample(ct, frame.grid, fill=AIR_HU),
                    (labels == 1).astype(np.float32),
                    (labels == 2).astype(np.float32),
                    np.ones(frame.grid.shape_zyx, np.float32),
                )
            )
    return samples
