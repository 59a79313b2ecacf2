"""One series of DICOM slices, in the order of their positions, as an image."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import SimpleITK as sitk

from negvol_cli.errors import InputError
from negvol_cli.headers import MAX_SIDE, MAX_VOXELS
from negvol_cli.volume import Points

_SERIES, _MODALITY = "0020|000e", "0008|0060"
_POSITION, _ORIENTATION = "0020|0032", "0020|0037"

_CT_CLASS = b"1.2.840.10008.5.1.4.1.1.2\0"  # CT Image Storage, padded to an even length

_MOST_FILES: Final = 5000
_MOST_BYTES: Final = 2**32
_UNEVEN: Final = 0.05  # of a step, or mm: positions are written rounded


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """The header of one slice; position (3,) and axes (3, 2) of its rows and columns in LPS mm."""

    path: Path
    series: str
    modality: str
    size_xyz: tuple[int, ...]
    position_mm: Points
    axes: Points


def read_series(folder: Path) -> sitk.Image:
    """The CT series in ``folder`` and the folders under it, rescaled to HU.

    Slices are ordered by position along their normal, never by file name, and the spacing between
    them is that of their positions. Raises InputError where there is no DICOM, more than one
    series, another modality, several images per file, a missing or double slice, a tilted gantry.
    """
    return _read(sorted(p for p in folder.rglob("*") if p.is_file()), folder)


def read_zip(path: Path) -> sitk.Image:
    """Like ``read_series``, from a zip; its files are unpacked under names of our own."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="negvol-") as temporary,
            zipfile.ZipFile(path) as archive,
        ):
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > _MOST_FILES or sum(m.file_size for m in members) > _MOST_BYTES:
                raise InputError(
                    f"{path} unpacks to more than {_MOST_FILES} files or {_MOST_BYTES >> 30} GiB: "
                    "pack the one series to be measured"
                )
            files = []
            for number, member in enumerate(members):
                files.append(Path(temporary) / f"{number:05}.dcm")
                files[-1].write_bytes(archive.read(member))
            return _read(files, path)
    except FileNotFoundError as err:
        raise InputError(f"{path} does not exist: check the path") from err
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as err:
        # zipfile raises RuntimeError for an encrypted member
        raise InputError(f"cannot unpack {path}: {err}") from err


def reason(err: RuntimeError) -> str:
    """The last sentence of one of ITK's long messages."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()]
    return lines[-1].rsplit("): ", 1)[-1] if lines else "no reason given"


def _read(files: list[Path], source: Path) -> sitk.Image:
    slices = [s for s in (_slice(file, source) for file in files) if s is not None]
    if not slices:
        raise InputError(f"{source} holds no DICOM slices: give the folder of one CT series")
    count = len({s.series for s in slices})
    if count > 1:
        raise InputError(
            f"{source} holds {count} DICOM series: give a folder with only the one to be measured"
        )
    first = slices[0]
    if first.modality != "CT":
        raise InputError(f"{source} holds {first.modality or 'unnamed'} images: give a CT series")
    if len(slices) < 3 or any(len(s.size_xyz) == 3 and s.size_xyz[2] > 1 for s in slices):
        raise InputError(
            f"{source} holds {len(slices)} DICOM file(s), and negvol needs one slice per file: "
            "convert the scan to NIfTI first"
        )
    if any(s.size_xyz != first.size_xyz for s in slices):
        raise InputError(f"{source} holds slices of different sizes: export the series again")
    if len(slices) * first.size_xyz[0] * first.size_xyz[1] > MAX_VOXELS:
        raise InputError(f"{source} holds more than {MAX_SIDE} cubed voxels: crop it to the head")
    slices, normal, step = _ordered(slices, source)
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([str(s.path) for s in slices])
    try:
        image = reader.Execute()
    except RuntimeError as err:  # SimpleITK has no exception of its own
        raise InputError(f"cannot read the DICOM series in {source}: {reason(err)}") from err
    image = _narrowed(image)
    image.SetSpacing((*image.GetSpacing()[:2], step))
    image.SetOrigin(slices[0].position_mm.tolist())
    image.SetDirection(np.column_stack([slices[0].axes, normal]).ravel().tolist())
    return image


def _narrowed(image: sitk.Image) -> sitk.Image:
    """The image as int16 where nothing is lost by it, else as float32."""
    if image.GetPixelID() in {sitk.sitkInt16, sitk.sitkUInt16}:
        return image
    if image.GetPixelID() in {sitk.sitkInt32, sitk.sitkUInt32}:
        limits = sitk.MinimumMaximumImageFilter()
        limits.Execute(image)
        if limits.GetMinimum() >= -(2**15) and limits.GetMaximum() < 2**15:
            return sitk.Cast(image, sitk.sitkInt16)
    return sitk.Cast(image, sitk.sitkFloat32)


def _slice(path: Path, source: Path) -> _Slice | None:
    """The header of a DICOM image with a place in the patient; None for any other file."""
    with path.open("rb") as file:
        start = file.read(1024)
    if start[128:132] != b"DICM":
        return None
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as err:
        if _CT_CLASS in start:
            raise InputError(
                f"{source} holds a damaged CT slice ({path.name}): copy the series again"
            ) from err
        return None  # a DICOM file that is no image: a directory, a report, a plan
    keys = set(reader.GetMetaDataKeys())
    if not {_POSITION, _ORIENTATION, _SERIES} <= keys:
        return None
    numbers = np.array([float(v) for v in reader.GetMetaData(_ORIENTATION).split("\\")])
    return _Slice(
        path,
        reader.GetMetaData(_SERIES).strip(),
        reader.GetMetaData(_MODALITY).strip() if _MODALITY in keys else "",
        tuple(reader.GetSize()),
        np.array([float(v) for v in reader.GetMetaData(_POSITION).split("\\")]),
        numbers.reshape(2, 3).T,
    )


def _ordered(slices: list[_Slice], source: Path) -> tuple[list[_Slice], Points, float]:
    """The slices along their normal, the normal (3,), and the step between them in mm."""
    axes = slices[0].axes
    if any(not np.allclose(s.axes, axes, atol=1e-3) for s in slices):
        raise InputError(f"{source} holds slices that are not parallel: give one CT series")
    normal = np.cross(axes[:, 0], axes[:, 1])
    slices = sorted(slices, key=lambda s: float(s.position_mm @ normal))
    places = np.array([s.position_mm for s in slices])
    steps = np.diff(places @ normal)
    step = float(np.median(steps))
    if steps.min() < 1e-3:
        raise InputError(f"{source} holds two slices at the same place: give one CT series")
    if np.abs(steps - step).max() > max(_UNEVEN, _UNEVEN * step):
        raise InputError(
            f"{source} has slices {steps.min():g} to {steps.max():g} mm apart: slices are "
            "missing or unevenly spaced; export the whole series again"
        )
    drift = (places - places[0]) - np.outer((places - places[0]) @ normal, normal)
    if np.abs(drift).max() > 0.5:
        raise InputError(
            f"{source} was scanned with a tilted gantry: resample it to a straight grid first"
        )
    return slices, normal, float(steps.mean())
