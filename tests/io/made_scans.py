"""Small scans written by means that negvol does not share."""

from __future__ import annotations

import struct
from itertools import permutations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

SHAPE = (23, 25, 27)
SPACING = (1.8, 1.9, 2.0)


def ct_values(shape: tuple[int, int, int] = SHAPE) -> npt.NDArray[np.int16]:
    """Noisy air about a box of soft tissue with a box of bone in it."""
    rng = np.random.default_rng(7)
    values = rng.normal(-1000, 15, shape)
    middle = tuple(slice(n // 5, -n // 5) for n in shape)
    inner = tuple(slice(2 * n // 5, -2 * n // 5) for n in shape)
    values[middle] += 1040
    values[inner] += 900
    return values.astype(np.int16)


def image(values: npt.NDArray[np.generic], spacing: tuple[float, ...] = SPACING) -> sitk.Image:
    made = sitk.GetImageFromArray(values)
    made.SetSpacing(spacing)
    return made


def write(values: npt.NDArray[np.generic], path: Path, *, packed: bool = True) -> Path:
    sitk.WriteImage(image(values), str(path), packed)
    return path


def axis_directions() -> list[npt.NDArray[np.float64]]:
    """The 48 signed permutation matrices."""
    signs = product((1.0, -1.0), repeat=3)
    return [np.eye(3)[list(axes)] * s for s in signs for axes in permutations(range(3))]


def rotation(axis: int, degrees: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    i, j = [k for k in range(3) if k != axis]
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def oblique_directions() -> list[npt.NDArray[np.float64]]:
    """20 degrees about each axis, one of them of an image stored right to left."""
    return [rotation(0, 20), rotation(1, 20) @ np.diag([-1.0, -1.0, 1.0]), rotation(2, 20)]


def patched(path: Path, *changes: tuple[int, str, tuple[float, ...]]) -> Path:
    """The file with values packed over it: (offset, struct format, values)."""
    raw = bytearray(path.read_bytes())
    for offset, form, values in changes:
        struct.pack_into(form, raw, offset, *values)
    path.write_bytes(raw)
    return path


def write_series(
    folder: Path,
    values: npt.NDArray[np.int16],
    *,
    places: list[float] | None = None,
    names: list[str] | None = None,
    shear: float = 0.0,
    modality: str = "CT",
    series: str = "1.2.826.0.1.3680043.2.1125.1",
    study: str = "",
) -> Path:
    """DICOM slices, 2 mm thick and apart unless ``places`` says otherwise; they claim 9 mm."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k, plane in enumerate(values):
        z = places[k] if places else 2.0 * k
        made = sitk.GetImageFromArray(plane)
        made.SetSpacing((2.0, 2.0))
        for key, value in {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{series}.{k + 1}",
            "0008|0060": modality,
            "0018|0050": "9",
            "0020|000d": study or f"{series}.0",
            "0020|000e": series,
            "0020|0013": str(k + 1),
            "0020|0032": f"-20\\{shear * z:g}\\{z:g}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "-1024",
            "0028|1053": "1",
        }.items():
            made.SetMetaData(key, value)
        writer.SetFileName(str(folder / (names[k] if names else f"{k:03}.dcm")))
        writer.Execute(made)
    return folder
