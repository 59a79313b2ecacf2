"""The identity of a patient and a study, and handles that do not reveal it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers of the patient, the study and the series.

    They are written only on request, and never printed: the ``repr`` is empty.
    """

    patient_id: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    series_uid: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)


def handle(uid: str) -> str:
    """Return the first 8 hexadecimal digits of the SHA-256 of a UID.

    UIDs are long and cannot be guessed, so nobody gets from the handle to the UID; whoever has the
    UID gets to the handle. It is a name for a file, not an anonymisation.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:8]
