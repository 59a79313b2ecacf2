"""What lies below a folder: the scans to be measured, and what is left out and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from negvol_cli.batch.spool import Stored
from negvol_cli.batch.zip_members import Member
from negvol_cli.io.dicom import Identity, Series
from negvol_cli.io.pseudonyms import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A scan: an image file, an image file in a zip (``member``), or a DICOM series.

    ``name`` is that of its result folder, unique in its batch. ``path`` is absolute, so that a
    worker elsewhere on the same file system finds it; ``shown`` is how the person knows it. Its
    ``repr``, which strangers' logs may hold, has nothing but the name.
    """

    name: str
    path: Path = field(repr=False)
    shown: str = field(repr=False)
    member: Member | None = field(default=None, repr=False)
    series: Series | Stored | None = field(default=None, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, a scan takes its series along from the disk, without who the patient is."""
        scan = self.for_worker() if isinstance(self.series, Stored) else self
        return _candidate, (scan.name, scan.path, scan.shown, scan.member, scan.series)

    def load_series(self) -> Series | None:
        """The series, from the disk where it waits there."""
        if isinstance(self.series, Stored):
            return cast(Series, self.series.load())
        return self.series

    def entry(self) -> Entry:
        """The line of the crosswalk that says whose scan bears this name, and where it lies."""
        series = self.load_series()
        place = str(self.path)
        if self.member is not None:
            place += f", file {self.member.number + 1} in it"
        who = Identity() if series is None else series.identity
        return Entry(pseudonym=self.name, who=who, place=place)

    def for_worker(self, *, keep_patient_id: bool = False) -> Candidate:
        """What a worker needs to read it; who the patient is, it does not."""
        if (series := self.load_series()) is None:
            return self
        return replace(self, series=series.nameless(keep_patient_id=keep_patient_id))


def _candidate(
    name: str, path: Path, shown: str, member: Member | None, series: Series | None
) -> Candidate:
    return Candidate(name=name, path=path, shown=shown, member=member, series=series)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file, a series or a folder that is not measured, and why, in a few words."""

    shown: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """All that was found below a folder, in the order of the paths.

    ``private``: the scans are known by pseudonyms, and neither a path nor a text of a header may be
    printed or written.
    """

    scans: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    private: bool = False
