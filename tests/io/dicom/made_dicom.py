"""DICOM files as scanners write them, written with pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from negvol_cli.io.image import Scan

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ROOT = "1.2.826.0.1.3680043.2.1125"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SHAPE = (22, 24, 26)
STEP_MM = 2.5
PIXEL_MM = (1.9, 1.8)
"""Between rows, between columns, as DICOM has it."""


def ct_values(shape: tuple[int, int, int] = SHAPE, seed: int = 7) -> npt.NDArray[np.int16]:
    """HU [slice, row, column]: noisy air about a box of soft tissue with a box of bone in it."""
    values = np.random.default_rng(seed).normal(-1000, 15, shape)
    values[tuple(slice(n // 5, -n // 5) for n in shape)] += 1040
    values[tuple(slice(2 * n // 5, -2 * n // 5) for n in shape)] += 900
    return np.clip(values, -1024, None).astype(np.int16)


def places(
    count: int, step_mm: float = STEP_MM, along: Sequence[float] = (0, 0, 1), first=(-20, -22, 5)
) -> npt.NDArray[np.float64]:
    """(count, 3): positions one step after the other, LPS mm."""
    return np.array(first, dtype=float) + np.outer(np.arange(count) * step_mm, along)


def image(
    hu: npt.NDArray[np.integer[Any]],
    position: Sequence[float] | None,
    number: int = 1,
    *,
    axes: Sequence[float] | None = AXIAL,
    series: str = f"{ROOT}.1",
    study: str = f"{ROOT}.9",
    intercept: float | None = -1024,
    slope: float = 1,
    signed: bool = True,
    sop_class: str = CT,
    **attributes: Any,
) -> FileDataset:
    """One image of ``hu`` [row, column], or of several frames [frame, row, column]."""
    made = FileDataset("", Dataset(), file_meta=FileMetaDataset(), preamble=bytes(128))
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = UID(sop_class)
    instance = UID(f"{series}.{number}")
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = instance
    made.StudyInstanceUID, made.SeriesInstanceUID = UID(study), UID(series)
    made.FrameOfReferenceUID = UID(f"{study}.1")
    made.PatientID, made.PatientName = "P1", "Doe^John"
    made.Modality, made.SeriesNumber, made.InstanceNumber = "CT", 3, number
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.SliceThickness, made.PatientPosition = 9, "HFS"
    if position is not None:
        made.ImagePositionPatient = [f"{p:.6g}" for p in position]
    if axes is not None:
        made.ImageOrientationPatient = [f"{a:.8g}" for a in axes]
    if intercept is not None:
        made.RescaleIntercept, made.RescaleSlope = intercept, slope
    _put_pixels(made, np.rint((hu - (intercept or 0)) / slope), signed=signed)
    for keyword, value in attributes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def _put_pixels(made: FileDataset, stored: npt.NDArray[np.float64], *, signed: bool) -> None:
    """The stored values [row, column] or [frame, row, column], in 16 bits, and their layout."""
    made.PixelSpacing = list(PIXEL_MM)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = stored.shape[-2:]
    if stored.ndim == 3:
        made.NumberOfFrames = len(stored)
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, int(signed)
    made.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
    made["PixelData"].VR = "OW"


def series_of(
    values: npt.NDArray[np.integer[Any]] | None = None,
    positions: npt.NDArray[np.float64] | None = None,
    **attributes: Any,
) -> list[FileDataset]:
    """The images of a series, in the order of ``values`` [slice, row, column]."""
    values = ct_values() if values is None else values
    positions = places(len(values)) if positions is None else positions
    return [
        image(hu, position, number, **attributes)
        for number, (hu, position) in enumerate(zip(values, positions, strict=True), start=1)
    ]


def save(images: Sequence[FileDataset], folder: Path, names: Sequence[str] | None = None) -> Path:
    """Write images under names that do not tell their order; give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shuffled = np.random.default_rng(5).permutation(len(images))
    for made, number in zip(images, shuffled, strict=True):
        name = names[number] if names else f"IM{number:05}"
        made.save_as(folder / name, enforce_file_format=True)
    return folder


def item(**attributes: Any) -> Dataset:
    """One item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def enhanced(
    values: npt.NDArray[np.int16],
    positions: npt.NDArray[np.float64],
    *,
    axes: Sequence[float] | None = AXIAL,
    spacing_between_mm: float = STEP_MM,
    **attributes: Any,
) -> FileDataset:
    """An Enhanced CT of frames at ``positions``; ``axes`` None leaves their orientation out."""
    made = image(values, None, axes=None, sop_class=ENHANCED_CT, intercept=None, signed=True)
    del made.PixelSpacing
    shared = item(
        PixelMeasuresSequence=[
            item(
                PixelSpacing=list(PIXEL_MM),
                SliceThickness=9,
                SpacingBetweenSlices=spacing_between_mm,
            )
        ],
        PixelValueTransformationSequence=[
            item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")
        ],
        CTImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])],
    )
    if axes is not None:
        shared.PlaneOrientationSequence = [item(ImageOrientationPatient=list(axes))]
    made.SharedFunctionalGroupsSequence = [shared]
    made.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[f"{p:.6g}" for p in position])])
        for position in positions
    ]
    made.PixelData = (values.astype("<i2") + 1024).astype("<i2").tobytes()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def said(scan: Scan, text: str) -> bool:
    """Whether a note of a scan contains a text."""
    return any(text in note for note in scan.notes)


def compress(path: Path, syntax: str) -> None:
    """Rewrite a file in a compressed transfer syntax of ``gdcm.TransferSyntax``."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def big_endian(made: FileDataset) -> FileDataset:
    """The image with the highest byte first."""
    made.PixelData = np.frombuffer(made.PixelData, "<i2").astype(">i2").tobytes()
    made.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    made.set_original_encoding(False, False)
    return made
