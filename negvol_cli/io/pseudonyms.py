"""Stable pseudonyms made with a secret key, and the crosswalk that leads back from them.

A pseudonym is an HMAC-SHA256 of what it stands for: without the key it can neither be made nor
reversed; with the same key it is the same in every run and on every machine. Whoever keeps the key
and the crosswalk beside it can identify patients; both stay out of the results.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from negvol_cli.errors import InputError, OutputError
from negvol_cli.io.dicom.identity import Identity
from negvol_cli.io.output_folder import name_beside
from negvol_cli.io.spreadsheet import as_text
from negvol_cli.locking import Busy, locked

LEAST_KEY_BYTES: Final = 16  # 128 bits, which nobody can try
COLUMNS: Final = ("pseudonym", "patient_id", "study_instance_uid", "series_instance_uid", "file")

_MOST_KEY_BYTES: Final = 2**20
_PATIENCE_S: Final = 30.0  # for a lock that is held for a line's writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the crosswalk: whose scan has a pseudonym, and where it lay."""

    pseudonym: str
    who: Identity = field(repr=False)
    place: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """A key, and the crosswalk beside it."""

    key: bytes = field(repr=False)
    crosswalk: Path

    @classmethod
    def load(cls, path: Path) -> Pseudonyms:
        """The pseudonyms of a key file: any 16 bytes or more, line ends at their end left out.

        Raises InputError for a file that is missing, empty or too short.
        """
        try:
            if path.stat().st_size > _MOST_KEY_BYTES:
                raise InputError(f"the key {path} is over 1 MiB: give a file of 32 random bytes")
            key = path.read_bytes().rstrip(b"\r\n")
        except OSError as err:
            raise InputError(
                f"cannot read the key {path} ({err.strerror}): give a file of 32 random bytes"
            ) from err
        if len(key) < LEAST_KEY_BYTES:
            raise InputError(
                f"the key {path} contains {len(key)} bytes, too few for pseudonyms (at least "
                f"{LEAST_KEY_BYTES}): give a file of 32 random bytes"
            )
        return cls(key, path.with_name(f"{path.name}.crosswalk.csv"))

    def name_for(self, who: Identity, content: str) -> str:
        """The pseudonym: the patient's, and after a dash that of the scan.

        ``content`` changes with the images: the SHA-256 of an image file, the digest of a series.
        It keeps scans apart whose headers name nobody, or the same. Scans of one patient share the
        first part. Where no patient is named the study takes the patient's place, and where no
        study is named either, the content does. Where a scan lies, and under which name, changes
        nothing.
        """
        patient = ("patient", who.issuer, who.patient_id)
        if not who.patient_id:
            patient = ("study", who.study_uid, "" if who.study_uid else content)
        scan = ("scan", who.study_uid, who.series_uid, content)
        return f"pat-{self._digits(patient, 12)}-{self._digits(scan, 8)}"

    def record(self, entries: Iterable[Entry]) -> None:
        """Add to the crosswalk what is not yet there. Several processes may do so at once.

        Raises OutputError where the crosswalk cannot be written, or is something else.
        """
        try:
            with _alone(self.crosswalk):
                rows = _read(self.crosswalk)
                known = {row[0] for row in rows}
                new = {entry.pseudonym: entry for entry in entries if entry.pseudonym not in known}
                if new or not rows:
                    _write([*rows, *map(_row, new.values())], self.crosswalk)
        except OSError as err:
            raise OutputError(
                f"cannot write the crosswalk {self.crosswalk} ({err.strerror}): "
                "put the key into a folder where it can be written"
            ) from err

    def _digits(self, parts: tuple[str, ...], count: int) -> str:
        # Lengths keep ("a", "bc") from ("ab", "c").
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:count]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for other processes that write ``path``."""
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with locked(path.with_name(f".{path.name}.lock")):
                yield
            return
        except Busy:
            if time.monotonic() > give_up:
                raise OutputError(f"another program keeps the crosswalk {path}: end it") from None
            time.sleep(0.02)


def _read(path: Path) -> list[tuple[str, ...]]:
    """The rows below the headings; none where there is no file yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except ValueError:
        text = ""
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
    if not rows or rows[0] != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise OutputError(f"{path} is no crosswalk of negvol: move it away")
    return rows[1:]


def _write(rows: list[tuple[str, ...]], path: Path) -> None:
    """The whole file at once, for its owner's eyes only."""
    part = name_beside(path)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _row(entry: Entry) -> tuple[str, ...]:
    who = entry.who
    row = (entry.pseudonym, who.patient_id, who.study_uid, who.series_uid, entry.place)
    return tuple(as_text(value) for value in row)
