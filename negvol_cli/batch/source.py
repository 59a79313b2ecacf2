"""Reading what was found, wherever it lies: a file, a zip, a DICOM series."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from negvol_cli.batch.candidates import Candidate
from negvol_cli.errors import InputError
from negvol_cli.io.hashing import digest_of_scan, digest_of_stream
from negvol_cli.io.image import Scan, read_scan
from negvol_cli.io.source import Intake, Privacy, take_in_series

MOST_UNPACKED_BYTES: Final = 2**32

_BROKEN: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError)


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
            read=partial(_read_member, candidate),
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
    try:
        with (
            zipfile.ZipFile(candidate.path) as archive,
            archive.open(str(candidate.member)) as stream,
        ):
            return digest_of_stream(stream)
    except _BROKEN as err:
        raise _damaged(candidate.path, err) from err


@contextmanager
def unpacked(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, most_bytes: int | None = None
) -> Iterator[Path]:
    """One file of the zip at ``path``, unpacked under a name of our own for as long as the body.

    With ``most_bytes`` only its start.

    Raises InputError where it is damaged or larger than any scan.
    """
    if member.file_size > MOST_UNPACKED_BYTES:
        raise InputError(
            f"{path} holds a file of {member.file_size / 2**30:.0f} GiB: unpack it, if it is a scan"
        )
    with tempfile.TemporaryDirectory(prefix="negvol-") as folder:
        file = Path(folder) / f"scan{_endings(member.filename)}"
        try:
            with archive.open(member) as stream, file.open("wb") as copy:
                if most_bytes is None:
                    shutil.copyfileobj(stream, copy, 1 << 20)
                else:
                    copy.write(stream.read(most_bytes))
        except _BROKEN as err:
            raise _damaged(path, err) from err
        yield file


def _read_member(candidate: Candidate) -> Scan:
    """An image in a zip; a message about it names the zip, not our copy."""
    try:
        with zipfile.ZipFile(candidate.path) as archive:
            member = archive.getinfo(str(candidate.member))
            with unpacked(archive, member, candidate.path) as file:
                try:
                    return read_scan(file)
                except InputError as err:
                    place = f"{candidate.path}/{candidate.member}"
                    raise InputError(str(err).replace(str(file), place)) from err
    except _BROKEN as err:
        raise _damaged(candidate.path, err) from err


def _endings(name: str) -> str:
    """``.nii.gz`` of a/scan.v2.nii.gz, in small letters."""
    suffixes = Path(name.lower()).suffixes
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def _damaged(path: Path, err: Exception) -> InputError:
    return InputError(f"{path} is a damaged zip ({err}): pack or copy it again")
