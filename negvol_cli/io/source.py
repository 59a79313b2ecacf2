"""What is to be measured: under which name, how it is read, and what of the patient is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from negvol_cli.errors import InputError
from negvol_cli.io.dicom import Identity, Series, choose_in
from negvol_cli.io.hashing import digest_of, digest_of_scan
from negvol_cli.io.image import Scan, holds_dicom, name_of, read_scan, read_series_scan
from negvol_cli.io.pseudonyms import Pseudonyms


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What of a patient's identity reaches the results: nothing unless asked for.

    ``keep_patient_id`` writes the patient ID of a DICOM study into the report. ``pseudonyms`` name
    results by a keyed pseudonym, and their crosswalk tells whose it is.
    """

    keep_patient_id: bool = False
    pseudonyms: Pseudonyms | None = None

    def __post_init__(self) -> None:
        if self.keep_patient_id and self.pseudonyms is not None:
            raise ValueError("a patient ID kept beside a pseudonym would give it away")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Intake:
    """A scan: the name of its result, how it is read, and the SHA-256 of its files.

    ``patient_id`` is what the report is to name; empty for nothing.
    """

    name: str
    read: Callable[[], Scan]
    digest: Callable[[], str | None]
    patient_id: str = field(default="", repr=False)


def take_in(scan: Path, series: str | None = None, privacy: Privacy | None = None) -> Intake:
    """The scan at a path; of a DICOM study ``series``, by its key or number, or the best.

    An image file gives its name to its result, unless there are pseudonyms; a DICOM series does
    not. Raises InputError where there is nothing to read, OutputError where the crosswalk cannot be
    written.
    """
    try:
        there = scan.exists()
    except OSError as err:
        raise InputError(f"cannot read {scan}: {err.strerror or err}") from err
    if not there:
        raise InputError(f"{scan} does not exist: check the path")
    if holds_dicom(scan):
        return take_in_series(*choose_in(scan, series), privacy)
    if series is not None:
        raise InputError(f"{scan} is no DICOM, so that there is no series to choose in it")
    name = name_of(scan)
    if privacy is not None and privacy.pseudonyms is not None:
        name = privacy.pseudonyms.record(Identity(), scan.name)
    return Intake(name=name, read=partial(read_scan, scan), digest=partial(digest_of_scan, scan))


def take_in_series(
    series: Series, notes: tuple[str, ...] = (), privacy: Privacy | None = None
) -> Intake:
    """A DICOM series; ``notes`` are what is known against it. Raises OutputError as above."""
    privacy = privacy or Privacy()
    name = series.name
    if privacy.pseudonyms is not None:
        name = privacy.pseudonyms.record(series.identity)
    return Intake(
        name=name,
        read=partial(read_series_scan, series, notes),
        digest=partial(digest_of, series.files),
        patient_id=series.identity.patient_id if privacy.keep_patient_id else "",
    )
