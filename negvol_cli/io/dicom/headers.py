"""The header of each image: where it lies, and what it must share with its neighbours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from sys import intern
from typing import IO, Final

import pydicom
from pydicom.dataset import Dataset

from negvol_cli.geometry.grid import Vector
from negvol_cli.io.dicom.attributes import (
    Groups,
    items_of,
    number_of,
    numbers_of,
    quiet,
    text_of,
    value_of,
    whole_of,
)
from negvol_cli.io.dicom.codestream import unreadable_syntax
from negvol_cli.io.dicom.deflated import check_deflated
from negvol_cli.io.dicom.identity import Identity, handle
from negvol_cli.io.dicom.parts import Part
from negvol_cli.io.dicom.placing import Axes, Place, axes_doubt, place_of
from negvol_cli.io.dicom.start import START_BYTES, looks_like_dicom

CT_CLASSES: Final = {
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
    "1.2.840.10008.5.1.4.1.1.13.1.2",  # X-Ray 3D Craniofacial
}

_HEADER_TAGS: Final = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "PatientID", "IssuerOfPatientID", "SeriesNumber"),
    *("SeriesDescription", "Modality", "ImageType", "AcquisitionNumber", "ConvolutionKernel"),
    *("TemporalPositionIndex", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *(
        "PhotometricInterpretation",
        "PixelSpacing",
        "SpacingBetweenSlices",
        "ImagePositionPatient",
        "ImageOrientationPatient",
    ),
    *("PatientOrientation", "GantryDetectorTilt", "RescaleType", "ModalityLUTSequence"),
    *("RescaleSlope", "RescaleIntercept", "KVP", "FilterType", "ScanOptions", "SliceThickness"),
    "IrradiationEventUID",
    *("LossyImageCompression", "SharedFunctionalGroupsSequence"),
    "PerFrameFunctionalGroupsSequence",
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "InstanceNumber"),
    *("AcquisitionDate", "AcquisitionTime", "ContrastBolusAgent", "ReconstructionDiameter"),
    "ImagerPixelSpacing",
]
_TELLING: Final = ("KVP", "FilterType", "ScanOptions", "SeriesNumber", "ReconstructionDiameter")
_NAMING: Final = ("IrradiationEventUID", "SeriesDescription", "ContrastBolusAgent")
"""What tells passes apart and may name somebody."""
_MONOCHROME: Final = ("MONOCHROME2", "MONOCHROME1", "")  # how it is shown changes no value
_TAG_BYTES: Final = 12  # of the pixels' tag, type and length
_LENGTH_BYTES: Final = 5
_MOST_FRAMES: Final = 20_000
"""Ten times the slices of the longest scan; more is a hostile header."""


@dataclass(frozen=True, slots=True)
class Common:
    """What the images of a series share; see ``placing.Place`` for axes and spacing.

    ``values``: what the numbers are after the rescale, "HU" where nothing else is said;
    ``rescaled`` is whether RescaleSlope and RescaleIntercept are stated. ``doubt`` is what the
    header states wrongly or twice, in words; "" for nothing. ``syntax`` is the UID by which the
    pixels are encoded, "" where that is one that is decoded here. ``between_mm`` is
    SpacingBetweenSlices, ``detector_mm_xy`` ImagerPixelSpacing, None where it is not stated.
    """

    identity: Identity
    description: str = field(repr=False)
    number: int | None
    modality: str
    sop_class: str
    image_type: tuple[str, ...]
    frame_of_reference: str = field(repr=False)
    size_xy: tuple[int, int]
    axes: Axes | None
    spacing_mm_xy: tuple[float, float] | None
    counted: bool
    monochrome: bool
    values: str
    rescaled: bool
    tilt_degrees: float
    lossy: bool
    doubt: str = ""
    syntax: str = ""
    between_mm: float | None = None
    detector_mm_xy: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One image: frame ``index`` of its part, with the centre of its first voxel in LPS mm.

    ``passes`` distinguishes images at the same place: acquisition, time, kernel, kind. ``header``
    seals all that the file says before its pixels (``seal_of``).
    """

    part: Part
    index: int
    instance: str = field(repr=False)
    position_mm: Vector | None
    common: Common
    passes: tuple[str, ...] = field(repr=False)
    number: int | None = None
    header: bytes = field(default=b"", repr=False)


class DamagedError(Exception):
    """A DICOM file of a CT whose header cannot be read."""


def read_frames(part: Part, stream: IO[bytes], known: dict[Common, Common]) -> list[Frame]:
    """The images in one file; none where it is no DICOM, or no image.

    ``known`` keeps what images share, so that a thousand headers need the memory of one. Raises
    DamagedError.
    """
    start = stream.read(START_BYTES)
    if not looks_like_dicom(start):
        return []
    try:
        check_deflated(start, stream)
        stream.seek(0)
        with quiet():
            data = pydicom.dcmread(
                stream, stop_before_pixels=True, force=True, specific_tags=[*_HEADER_TAGS]
            )
            header = seal_of(stream, stream.tell() + _TAG_BYTES)
            return [replace(frame, header=header) for frame in _frames(data, part, known)]
    except Exception as err:
        if any(f"{uid}\0".encode() in start for uid in CT_CLASSES):
            raise DamagedError from err
        return []


def seal_of(stream: IO[bytes], length: int) -> bytes:
    """The length and the hash of the beginning of a file: of its header."""
    stream.seek(0)
    digest = hashlib.blake2b(stream.read(length), digest_size=8).digest()
    return length.to_bytes(_LENGTH_BYTES, "big") + digest


def is_sealed(stream: IO[bytes], seal: bytes) -> bool:
    """Whether a file has the header that ``seal_of`` sealed."""
    return seal_of(stream, int.from_bytes(seal[:_LENGTH_BYTES], "big")) == seal


def rescale_of(groups: Groups, index: int) -> tuple[float | None, float | None]:
    """RescaleSlope and RescaleIntercept of a frame, None for one that is not stated."""
    holder = groups.holder(index, "PixelValueTransformationSequence", "RescaleIntercept")
    return number_of(holder, "RescaleSlope"), number_of(holder, "RescaleIntercept")


def _frames(data: Dataset, part: Part, known: dict[Common, Common]) -> Iterator[Frame]:
    size = whole_of(data, "Columns", 0), whole_of(data, "Rows", 0)
    series = text_of(data, "SeriesInstanceUID")
    of_ct = text_of(data, "SOPClassUID") in CT_CLASSES
    if min(size) <= 0 and of_ct:
        raise ValueError("an image without a size")  # its header was cut short
    if min(size) <= 0 or not (series or of_ct):
        return
    groups = Groups(data)
    if len(groups) > _MOST_FRAMES:
        raise ValueError("more frames than any scan has")
    patient, issuer = text_of(data, "PatientID"), text_of(data, "IssuerOfPatientID")
    identity = Identity(patient, text_of(data, "StudyInstanceUID"), series, issuer)
    number = number_of(data, "InstanceNumber") if len(groups) == 1 else None
    for index in range(len(groups)):
        place = place_of(groups, index)
        common = _common(data, groups, index, identity, place)
        yield Frame(
            part=part,
            index=index,
            instance=text_of(data, "SOPInstanceUID"),
            position_mm=place.position_mm,
            common=known.setdefault(common, common),
            passes=tuple(map(intern, _passes(groups, index, common.image_type))),
            number=None if number is None else int(number),
        )


def _common(data: Dataset, groups: Groups, index: int, identity: Identity, place: Place) -> Common:
    number = number_of(data, "SeriesNumber")
    transform = groups.holder(index, "PixelValueTransformationSequence", "RescaleType")
    return Common(
        identity=identity,
        description=text_of(data, "SeriesDescription"),
        number=None if number is None else int(number),
        modality=text_of(data, "Modality"),
        sop_class=text_of(data, "SOPClassUID"),
        image_type=_image_type(data, groups, index),
        frame_of_reference=text_of(data, "FrameOfReferenceUID"),
        size_xy=(whole_of(data, "Columns", 0), whole_of(data, "Rows", 0)),
        axes=place.axes,
        spacing_mm_xy=place.spacing_mm_xy,
        counted=place.counted,
        monochrome=whole_of(data, "SamplesPerPixel", 1) == 1
        and text_of(data, "PhotometricInterpretation") in _MONOCHROME,
        values="a table" if items_of(data, "ModalityLUTSequence") else _values(transform),
        rescaled=None not in rescale_of(groups, index),
        tilt_degrees=number_of(data, "GantryDetectorTilt") or 0.0,
        lossy=text_of(data, "LossyImageCompression") == "01",
        doubt=_doubt(groups, index),
        syntax=unreadable_syntax(data),
        between_mm=_between(groups, index),
        detector_mm_xy=_detector(data),
    )


def _doubt(groups: Groups, index: int) -> str:
    data = groups.data
    for keyword in ("BitsAllocated", "BitsStored", "PixelRepresentation"):
        if number_of(data, keyword) is None:
            return f"no {keyword} in the header"
    bits, top = whole_of(data, "BitsStored", 0), number_of(data, "HighBit")
    if bits > whole_of(data, "BitsAllocated", 0) or top not in (None, bits - 1):
        return "a BitsStored that BitsAllocated or HighBit contradicts"
    if twice := groups.contradicted(index):
        return f"a {twice} that is stated twice with different values"
    if said := axes_doubt(groups, index):
        return said
    slope, intercept = rescale_of(groups, index)
    if slope == 0:
        return "a RescaleSlope of 0"
    if (slope is None) != (intercept is None):
        there, missing = ("Intercept", "Slope") if slope is None else ("Slope", "Intercept")
        return f"a Rescale{there} without a Rescale{missing}"
    return ""


def _detector(data: Dataset) -> tuple[float, float] | None:
    """ImagerPixelSpacing between columns and rows: at the detector, not in the patient."""
    spacing = numbers_of(data, "ImagerPixelSpacing", 2)
    return (spacing[1], spacing[0]) if spacing else None


def _between(groups: Groups, index: int) -> float | None:
    holder = groups.holder(index, "PixelMeasuresSequence", "SpacingBetweenSlices")
    return number_of(holder, "SpacingBetweenSlices")


def _image_type(data: Dataset, groups: Groups, index: int) -> tuple[str, ...]:
    own = groups.own(index, "CTImageFrameTypeSequence", "FrameType")
    kind = None if own is None else value_of(own, "FrameType")
    kind = kind or value_of(data, "ImageType") or ()
    return (kind,) if isinstance(kind, str) else tuple(str(word) for word in kind)


def _values(transform: Dataset) -> str:
    """HU, or "something else": what a file calls its numbers may hold anything."""
    return "HU" if text_of(transform, "RescaleType").upper() in ("", "HU", "US") else "no HU"


def _passes(groups: Groups, frame: int, image_type: tuple[str, ...]) -> tuple[str, ...]:
    data, content = groups.data, "FrameContentSequence"
    acquisition = groups.own(frame, content, "FrameAcquisitionNumber")
    moment = groups.holder(frame, content, "TemporalPositionIndex")
    kernel = groups.holder(frame, "CTReconstructionSequence", "ConvolutionKernel")
    measures = groups.holder(frame, "PixelMeasuresSequence", "SliceThickness")
    return (
        text_of(acquisition, "FrameAcquisitionNumber")
        if acquisition is not None
        else text_of(data, "AcquisitionNumber"),
        text_of(moment, "TemporalPositionIndex"),
        text_of(kernel, "ConvolutionKernel"),
        "\\".join(image_type),
        text_of(measures, "SliceThickness"),
        *map(partial(text_of, data), _TELLING),
        text_of(data, "AcquisitionDate") + text_of(data, "AcquisitionTime"),
        *(handle(words) if words else "" for words in map(partial(text_of, data), _NAMING)),
    )
