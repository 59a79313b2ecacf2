"""Reading what was found, wherever it lies: a file, a zip, a DICOM series."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from negvol_cli.batch.candidates import Candidate
from negvol_cli.batch.zip_members import Member, opened
from negvol_cli.io.hashing import digest_of_scan, digest_of_stream
from negvol_cli.io.image import Scan, read_packed_scan, read_scan
from negvol_cli.io.source import Intake, Privacy, take_in_series


def intake_of(candidate: Candidate, *, keep_patient_id: bool = False) -> Intake:
    """How a scan that was found is read, hashed and named.

    The functions in it raise InputError where it cannot be read right, or OSError.
    """
    if (series := candidate.load_series()) is not None:
        privacy = Privacy(keep_patient_id=keep_patient_id)
        return replace(take_in_series(series, privacy=privacy), name=candidate.name)
    if candidate.member is not None:
        return Intake(
            name=candidate.name,
            read=partial(_read_member, candidate.path, candidate.member),
            digest=partial(digest_of_file, candidate),
        )
    return Intake(
        name=candidate.name,
        read=partial(read_scan, candidate.path),
        digest=partial(digest_of_file, candidate),
    )


def digest_of_file(candidate: Candidate) -> str:
    """The SHA-256 of an image file, alone or in a zip. Raises InputError or OSError."""
    if candidate.member is None:
        return digest_of_scan(candidate.path)
    with opened(candidate.path, candidate.member) as (_, (stream, _)):
        return digest_of_stream(stream)


def _read_member(path: Path, member: Member) -> Scan:
    with opened(path, member) as (name, (stream, size)):
        return read_packed_scan(name, stream, size)
