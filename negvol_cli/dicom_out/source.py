"""The images that a result is about: where each lies, how it is referenced, what is copied of it.

Libraries refuse what hospitals have (a tilted gantry, gaps, empty attributes), so they are given
headers that are made here, from the geometry that was measured in and from ``COPIED`` alone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, CTImageStorage, generate_uid

from negvol_cli.errors import InputError
from negvol_cli.geometry.grid import Grid
from negvol_cli.io.dicom import Frame, HashedFiles, Opener, Series, lay_out
from negvol_cli.io.dicom.attributes import quiet, text_of, value_of, whole_of

_UID: Final = re.compile(r"[0-9.]{1,64}")
"""Laxer than DICOM, which forbids leading zeros: a study lies in its PACS under the UID it has."""

_DATE: Final = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})", re.ASCII)
_FORMS: Final = {
    "PatientBirthDate": _DATE,
    "StudyDate": _DATE,
    "StudyTime": re.compile(
        r"([01]\d|2[0-3])([0-5]\d)?((?<=\d{4})[0-5]\d)?((?<=\d{6})\.\d{1,6})?", re.ASCII
    ),
    "PatientSex": re.compile("([FMO])"),
    "PatientAge": re.compile(r"(\d{3}[DWMY])", re.ASCII),
    "PatientIdentityRemoved": re.compile("(YES|NO)"),
    "LossyImageCompression": re.compile("(00|01)"),
    "LossyImageCompressionRatio": re.compile(r"(\d{1,6}(?:\.\d{1,6})?)", re.ASCII),
    "StudyInstanceUID": re.compile(f"({_UID.pattern})"),
}
"""What a value must look like that is more than words; its groups are what is copied of it.

Dates may be those of ACR-NEMA, "1944.01.02" (PS3.5 table 6.2-1).
"""

_OF_THE_IMAGES: Final = (
    *("Manufacturer", "ManufacturerModelName"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
"""The scanner, and what an image that was once compressed with loss says for ever."""

COPIED: Final = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientAge", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription"),
    *("AccessionNumber", "ReferringPhysicianName"),
    *_OF_THE_IMAGES,
)
"""All that is copied of a header, as docs/pacs.md lists it.

A value of another form than its attribute has is left out.
"""

_EMPTY: Final = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
"""Attributes that must be there, if only without a value (type 2)."""

_REFERENCED: Final = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, slots=True)
class Reference:
    """One image of the source: a file, or a frame of one, counted from 1."""

    sop_class: str
    sop_instance: str = field(repr=False)
    frame: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A series as results refer to it.

    Attributes
    ----------
    header
        What is copied (``COPIED``), in Unicode, and the series' own UID.
    references
        Its images, from the first slice to the last.
    grids
        The plane of each, a grid of one slice: LPS mm.
    thickness_mm
        How far neighbours lie apart on average, gaps aside, so that slices of this thickness add
        up to the volume of what is segmented.
    frame_of_reference
        The UID of the space in which they lie; made up where the header has none.
    sha256
        That of the very files whose headers were read (``io.hashing``).
    """

    header: Dataset = field(repr=False)
    references: tuple[Reference, ...]
    grids: tuple[Grid, ...]
    thickness_mm: float
    frame_of_reference: str = field(repr=False)
    sha256: str

    @property
    def series_uid(self) -> str:
        """The UID of the series."""
        return str(self.header.SeriesInstanceUID)

    @property
    def study(self) -> Dataset:
        """What is copied of the patient and the study."""
        made = Dataset()
        with disable_value_validation():
            for keyword in COPIED:
                if keyword in self.header and keyword not in _OF_THE_IMAGES:
                    made.add(self.header[keyword])
        return made

    @property
    def files(self) -> tuple[Reference, ...]:
        """Each file once, however many frames it has."""
        whole = (Reference(one.sop_class, one.sop_instance) for one in self.references)
        return tuple(dict.fromkeys(whole))


def refer_to(item: Dataset, reference: Reference) -> Dataset:
    """The item of a sequence, with a reference in it."""
    item.ReferencedSOPClassUID = reference.sop_class
    item.ReferencedSOPInstanceUID = reference.sop_instance
    if reference.frame is not None:
        item.ReferencedFrameNumber = reference.frame
    return item


def read_source(series: Series) -> Source:
    """Read the headers of a series. Raises InputError where results could not refer to it."""
    layout = lay_out(series)
    frames = [place[0] for place in layout.slices]
    steps = np.diff(layout.along_mm)
    try:
        hashed = HashedFiles(series.name, series.files)
        headers = _headers(series, frames, hashed)
        sha256 = hashed.digest()
    except OSError as err:
        raise InputError(f"cannot read {series.name}: {err.strerror or err}") from err
    references = tuple(
        Reference(
            text_of(header, "SOPClassUID"),
            text_of(header, "SOPInstanceUID"),
            frame.index + 1 if _has_frames(header) else None,
        )
        for frame, header in zip(frames, headers, strict=True)
    )
    _refuse(series, headers[0], references)
    return Source(
        header=copied(headers[0]),
        references=references,
        grids=tuple(_plane(series, frame) for frame in frames),
        thickness_mm=float(steps[steps <= layout.gap_mm].mean()),
        frame_of_reference=_frame_of_reference(headers),
        sha256=sha256,
    )


def copied(header: Dataset) -> Dataset:
    """The attributes of ``COPIED`` that have a usable value, and the UID of the series.

    All text becomes UTF-8, the one character set (ISO_IR 192) that can write every other.
    """
    made = Dataset()
    with quiet(), disable_value_validation():
        made.SpecificCharacterSet = "ISO_IR 192"
        made.SeriesInstanceUID = UID(text_of(header, "SeriesInstanceUID"))
        for keyword in COPIED:
            value = _value(header, keyword)
            if value is not None:
                setattr(made, keyword, value)
            elif keyword in _EMPTY:
                setattr(made, keyword, "")
    return made


def _value(header: Dataset, keyword: str) -> str | list[str] | None:
    """The value as text, as texts where somebody wrote several; None for none to be copied."""
    value = value_of(header, keyword)
    if isinstance(value, MultiValue):
        texts = [str(one).strip() for one in value]
        if keyword.endswith("Name"):  # one person has one name; a backslash is not part of it
            return next(filter(None, texts), None)
        return None if keyword in _FORMS else texts
    text = "" if value is None else str(value).strip()
    if keyword in _FORMS:
        match = _FORMS[keyword].fullmatch(text)
        text = "" if match is None else "".join(group or "" for group in match.groups())
        text = "" if _FORMS[keyword] is _DATE and not _is_date(text) else text
    return text or None


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return False
    return True


def _headers(series: Series, frames: list[Frame], hashed: HashedFiles) -> list[Dataset]:
    """The header of each frame's file, each file read once, and of all but the first only UIDs."""
    found: dict[Any, Dataset] = {}
    tags: list[str] = [*COPIED, *_REFERENCED, "NumberOfFrames"]
    with Opener(hashed.open) as opener:
        for frame in frames:
            if frame.part not in found:
                try:
                    with quiet(), opener.open(frame.part) as stream:
                        found[frame.part] = pydicom.dcmread(
                            stream, stop_before_pixels=True, force=True, specific_tags=[*tags]
                        )
                except InputError:
                    raise
                except Exception as err:  # whatever a hostile header makes pydicom raise
                    raise InputError(
                        f"an image of {series.name} can no longer be read: copy the series again"
                    ) from err
                tags = [*_REFERENCED, "NumberOfFrames", "SpecificCharacterSet"]
    return [found[frame.part] for frame in frames]


def _refuse(series: Series, header: Dataset, references: tuple[Reference, ...]) -> None:
    """Raise InputError where a result could not say which study and images it is about."""
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if not _UID.fullmatch(text_of(header, keyword)):
            raise InputError(
                f"{series.name} has no valid {keyword}, so that its results as DICOM would belong "
                "to no study: repair the header, or run without --dicom-out"
            )
    if any(not (one.sop_class and one.sop_instance) for one in references):
        raise InputError(
            f"an image of {series.name} has no SOP class or instance UID, so that results as "
            "DICOM cannot refer to it: repair the header, or run without --dicom-out"
        )
    (_, most), *_ = Counter(references).most_common(1)
    if most > 1:
        raise InputError(
            f"{most} different images of {series.name} have one SOPInstanceUID, so that results "
            "as DICOM cannot refer to them: export the series again, or run without --dicom-out"
        )


def _plane(series: Series, frame: Frame) -> Grid:
    common = series.frames[0].common  # parallel, as ``layout`` has found
    if common.axes is None or common.spacing_mm_xy is None or frame.position_mm is None:
        raise ValueError("a series without geometry was laid out")
    row, column = np.array(common.axes[:3]), np.array(common.axes[3:])
    direction = np.column_stack([row, column, np.cross(row, column)])
    return Grid(
        (*common.size_xy, 1),
        (*common.spacing_mm_xy, 1.0),
        frame.position_mm,
        tuple(direction.ravel().tolist()),
    )


def _has_frames(header: Dataset) -> bool:
    """Whether its images are told by their numbers; some write a single one into a plain CT."""
    frames = whole_of(header, "NumberOfFrames", 0)
    return frames > 1 or (frames == 1 and text_of(header, "SOPClassUID") != CTImageStorage)


def _frame_of_reference(headers: list[Dataset]) -> str:
    """The UID that all images name; where they name none, or each its own, one of the series."""
    named = {text_of(header, "FrameOfReferenceUID") for header in headers}
    if len(named) == 1 and _UID.fullmatch(uid := named.pop()):
        return uid
    series = text_of(headers[0], "SeriesInstanceUID")
    return str(generate_uid(entropy_srcs=["negvol frame of reference", series]))
