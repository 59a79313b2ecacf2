"""Who made the objects, under which UIDs and series numbers, and when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydicom.uid import generate_uid

from negvol_cli.version import code_sha256, program_stamp

MAKER: Final = "negvol"
LONG_STRING: Final = 64
"""Characters of a value of type LO."""

_NUMBERS: Final = 10_000_000
_SLOTS: Final = 100_000


def fitted(text: str, most: int = LONG_STRING) -> str:
    """``text`` on one line in at most ``most`` characters; of a longer one its start and end."""
    line = " ".join(text.split()).replace("\\", "/")
    if len(line) <= most:
        return line
    end = most // 3
    return f"{line[: most - end - 3]}...{line[-end:]}"


@dataclass(frozen=True, slots=True)
class Production:
    """What the objects of one result have in common.

    ``content`` is all that they are made from. Every UID is a hash of it and of ``moment``: an
    object of the same UID is the same object, however often it is sent, and a result that was made
    again has other UIDs, since its date differs (PS3.3 C.12.1 forbids two contents of one UID).
    """

    content: str = field(repr=False)
    moment: datetime
    bundle: str
    series_uid: str = field(repr=False)

    def uid(self, what: str) -> str:
        """The UID of ``what``, such as "SR instance"."""
        digest = hashlib.sha256(self.content.encode("utf-8", "surrogatepass")).hexdigest()
        return str(generate_uid(entropy_srcs=[digest, self.moment.isoformat(), what]))

    def series_number(self, kind: int) -> int:
        """A number for the ``kind``-th of our series (0 to 9) in the study.

        The others of a study, scanners and workstations count from 1 or in hundreds. Which seven
        digits it is depends on the measured series, so that two of one study differ.
        """
        digest = hashlib.sha256(self.series_uid.encode()).hexdigest()
        return _NUMBERS + 10 * (int(digest, 16) % _SLOTS) + kind

    @property
    def versions(self) -> tuple[str, ...]:
        """SoftwareVersions: the program, and the models with their hash."""
        return tuple(fitted(text) for text in (program_stamp(), f"models {self.bundle}"))

    def attributes(self, kind: int, name: str) -> dict[str, Any]:
        """What the constructors of highdicom take of series and equipment."""
        return {
            "series_instance_uid": self.uid(f"{name} series"),
            "series_number": self.series_number(kind),
            "sop_instance_uid": self.uid(f"{name} instance"),
            "instance_number": 1,
            "manufacturer": MAKER,
            "manufacturer_model_name": MAKER,
            "software_versions": self.versions,
            "device_serial_number": code_sha256()[:16],
            "content_date": self.moment.date(),
            "content_time": self.moment.time(),
            "series_date": self.moment.date(),
            "series_time": self.moment.time(),
        }
