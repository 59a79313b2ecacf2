"""What is to be measured: its name, how it is read, and what of the patient's identity is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from negvol_cli.errors import InputError
from negvol_cli.io.dicom.identity import Identity
from negvol_cli.io.hashing import digest_of, digest_of_scan
from negvol_cli.io.image import (
    Scan,
    holds_dicom,
    name_of,
    read_scan,
    read_series_scan,
)
from negvol_cli.io.pseudonyms import Entry, Pseudonyms
from negvol_cli.io.result_names import result_name

if TYPE_CHECKING:
    from negvol_cli.io.dicom import Series

_KEY: Final = re.compile(r"\bct-[0-9a-f]{8}(-[0-9]+)?\b")


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

    ``patient_id`` is what the report is to name; empty for nothing. ``on_saved`` is called when the
    result is complete, before it can be seen. ``series`` is the DICOM series whose header results
    may copy; None for an image file, and where a pseudonym stands for the patient.
    """

    name: str
    read: Callable[[], Scan]
    digest: Callable[[], str]
    patient_id: str = field(default="", repr=False)
    on_saved: Callable[[], None] = lambda: None
    series: Series | None = field(default=None, repr=False)

    def load(self) -> Scan:
        """The scan under its name. Raises InputError where it cannot be read right, or OSError."""
        return replace(self.read(), name=self.name)


def take_in(scan: Path, series: str | None = None, privacy: Privacy | None = None) -> Intake:
    """The scan at a path; of a DICOM study ``series``, by its key or number, or the best.

    An image file gives its name to its result, unless there are pseudonyms; a DICOM series does
    not. Nothing is written: the crosswalk gets its line with the result. Raises InputError where
    there is nothing to read.
    """
    try:
        there = scan.exists()
    except OSError as err:
        raise InputError(f"cannot read {scan}: {err.strerror or err}") from err
    if not there:
        raise InputError(
            f"{scan} does not exist: check the path",
            public="the scan does not exist: check the path",
        )
    if holds_dicom(scan):
        from negvol_cli.io.dicom import choose_in

        return take_in_series(*choose_in(scan, series), privacy)
    if series is not None:
        raise InputError(f"{scan} is not DICOM, so it has no series to choose")
    digest = partial(digest_of_scan, scan)
    intake = Intake(name=result_name(name_of(scan)), read=partial(read_scan, scan), digest=digest)
    if privacy is None or privacy.pseudonyms is None:
        return intake
    try:
        content = digest()
    except OSError as err:
        raise InputError(f"cannot read {scan}: {err.strerror or err}") from err
    return _under_pseudonym(intake, privacy.pseudonyms, Identity(), content, scan)


def take_in_series(
    series: Series, notes: tuple[str, ...] = (), privacy: Privacy | None = None
) -> Intake:
    """A DICOM series; ``notes`` are what is known against it."""
    privacy = privacy or Privacy()
    if privacy.pseudonyms is not None:  # the keys of series are hashes that need no secret
        notes = tuple(_KEY.sub("another series", note) for note in notes)
    intake = Intake(
        name=series.name,
        read=partial(read_series_scan, series, notes),
        digest=partial(digest_of, series.files),
        patient_id=series.identity.patient_id if privacy.keep_patient_id else "",
        series=series if privacy.pseudonyms is None else None,
    )
    if privacy.pseudonyms is None:
        return intake
    from negvol_cli.io.dicom.fingerprint import fingerprint

    try:
        content = fingerprint(series)
    except OSError as err:
        raise InputError(f"cannot read {series.folder}: {err.strerror or err}") from err
    return _under_pseudonym(intake, privacy.pseudonyms, series.identity, content, series.folder)


def _under_pseudonym(
    intake: Intake, pseudonyms: Pseudonyms, who: Identity, content: str, place: Path
) -> Intake:
    name = pseudonyms.name_for(who, content)
    entry = Entry(pseudonym=name, who=who, place=str(place.absolute()))
    return replace(intake, name=name, on_saved=partial(pseudonyms.record, [entry]))
