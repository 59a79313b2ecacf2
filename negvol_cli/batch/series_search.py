"""The DICOM series in any number of files, a study at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from negvol_cli.batch.spool import Spool, Stored
from negvol_cli.io.dicom import Frame, Identity, Part, Series, images_in, series_of

_MOST_HELD: Final = 4096  # images of which more is known in memory at once, about 6 MB

_Study = tuple[str, str, str]


class SeriesSearch:
    """Files whose images are sorted by study, however they lie, without holding them in memory."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._put_away: dict[_Study, list[Stored]] = defaultdict(list)
        self._held: dict[_Study, list[Frame]] = defaultdict(list)
        self._count = 0
        self._damaged: dict[Path, list[Part]] = defaultdict(list)

    def look(self, files: Iterable[Path]) -> None:
        """Take in the images of these files; what is no DICOM is passed over."""
        for part, frames in images_in(map(Part, files)):
            if frames is None:
                self._damaged[part.path.parent].append(part)
            for frame in frames or ():
                self._held[_study_of(frame.common.identity)].append(frame)
                self._count += 1
            if self._count >= _MOST_HELD:
                self._put_all_away()

    def found(self, source: Path) -> Iterator[Series]:
        """The series of all files below ``source``, those of a study one after the other."""
        self._put_all_away()
        for study in sorted(self._put_away):
            by_series: dict[str, list[Frame]] = {}
            folders = set()
            for stored in self._put_away[study]:
                for frame in stored.load():
                    by_series.setdefault(frame.common.identity.series_uid, []).append(frame)
                    folders.add(frame.part.path.parent)
            damaged = [part for folder in folders for part in self._damaged.get(folder, ())]
            yield from series_of(by_series, damaged, source)

    def damaged(self) -> dict[Path, int]:
        """How many files of each folder cannot be read."""
        return {folder: len(parts) for folder, parts in self._damaged.items()}

    def _put_all_away(self) -> None:
        for study, frames in self._held.items():
            self._put_away[study].append(self._spool.add(frames))
        self._held.clear()
        self._count = 0


def _study_of(identity: Identity) -> _Study:
    return identity.issuer, identity.patient_id, identity.study_uid
