"""What names a patient or a study, and handles that name nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identity:
    """What names the patient, the study and the series.

    It is written only on request, and never printed: its ``repr`` is empty.
    """

    patient_id: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    series_uid: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)


def handle(uid: str) -> str:
    """The first 8 hexadecimal digits of the SHA-256 of a UID.

    UIDs are long and cannot be guessed, so that nobody gets from the handle to the UID; who has
    the UID gets to the handle. It is a name for a file, no anonymisation.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:8]
