"""One DICOM object as it travels over a network: what it is, whose, and whether it is sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from negvol_cli.errors import InputError
from negvol_cli.io.dicom.attributes import quiet, text_of
from negvol_cli.io.dicom.headers import CT_CLASSES, DamagedError, read_frames
from negvol_cli.io.dicom.identity import Identity
from negvol_cli.io.dicom.parts import Part

_TAGS = ("SOPClassUID", "SOPInstanceUID")


@dataclass(frozen=True, slots=True)
class Received:
    """An image of a CT that has come in: its UIDs, and whose study it belongs to."""

    sop_class: str
    sop_instance: str = field(repr=False)
    identity: Identity = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A DICOM file that is to be sent: its class, its own UID, and how it is encoded."""

    path: Path
    sop_class: str
    sop_instance: str
    syntax: str


def received_image(content: bytes) -> Received:
    """What the bytes of a DICOM file, its preamble included, say that they are.

    Raises InputError, which quotes nothing of them, where they are no image of a CT, or where its
    header cannot be read as that of one.
    """
    try:
        frames = read_frames(Part(Path("received")), BytesIO(content), {})
    except DamagedError as err:
        raise InputError("its header cannot be read") from err
    if not frames:
        raise InputError("it is no image")
    common = frames[0].common
    if common.sop_class not in CT_CLASSES:
        raise InputError("it is no image of a CT")
    if not (frames[0].instance and common.identity.study_uid and common.identity.series_uid):
        raise InputError("its header names no study, series or instance")
    return Received(common.sop_class, frames[0].instance, common.identity)


def outgoing(path: Path) -> Outgoing:
    """What a DICOM file is. Raises InputError where it is none, or does not say, or OSError."""
    try:
        with quiet():
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*_TAGS])
    except OSError:
        raise
    except Exception as err:
        raise InputError(f"{path} is not a DICOM file: make the result again") from err
    meta = getattr(data, "file_meta", Dataset())
    syntax = text_of(meta, "TransferSyntaxUID")
    sop_class, sop_instance = (text_of(data, tag) for tag in _TAGS)
    if not (syntax and sop_class and sop_instance):
        raise InputError(f"{path} does not say what it is: make the result again")
    return Outgoing(path, sop_class, sop_instance, syntax)


def response(status: int, comment: str) -> Dataset:
    """What a C-STORE is answered with: a status, and why, of which 64 characters are sent."""
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment[:64]
    return answer
