"""One walk over a folder for scans, in files, zips and DICOM series."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from negvol_cli.batch.candidates import Candidate, LeftOut
from negvol_cli.batch.resume import is_result
from negvol_cli.batch.screening import is_image, why_no_ct
from negvol_cli.batch.series_search import SeriesSearch
from negvol_cli.batch.spool import Spool
from negvol_cli.batch.zip_members import BROKEN, Member, opened
from negvol_cli.errors import InputError
from negvol_cli.io.dicom import Identity, Series, find_series
from negvol_cli.io.dicom.fingerprint import fingerprint
from negvol_cli.io.image import name_of

Looking = Callable[[str], None]

_IN_TWO_FILES: Final = {".mhd", ".nhdr"}
_UNPACKED_TO_LOOK: Final = 2**25  # a label map packs small; of a larger file the header will do


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A scan without its final name: what it would be called, and what no other scan has.

    ``content`` changes with the images of a series; it is empty for an image file.
    """

    candidate: Candidate
    wanted: str
    identity: str
    who: Identity = field(default_factory=Identity, repr=False)
    content: str = ""


class Search:
    """What is found below ``folder``; the folder ``out`` is not searched."""

    def __init__(self, folder: Path, out: Path | None, looking: Looking) -> None:
        self._folder = folder.resolve()
        self._out = None if out is None else out.resolve()
        self._looking = looking
        self._spool = Spool()
        self._seen: set[str] = set()
        self.hits: list[Hit] = []
        self.left_out: list[LeftOut] = []

    def run(self) -> None:
        """Look at every file by its name, then at the headers of what has no telling one."""
        series = SeriesSearch(self._spool)
        for files in self._files_by_folder():
            others = []
            for path in files:
                self._looking(self._shown(path))
                if is_image(path.name):
                    self._image(path)
                elif path.suffix.lower() == ".zip":
                    self._zip(path)
                else:
                    others.append(path)
            series.look(others)
        found = set(self._series(series.found(self._folder)))
        for folder, count in series.damaged().items():
            if folder not in found:
                self._leave_out(folder, f"{count} damaged or unreadable DICOM file(s)")

    def _files_by_folder(self) -> Iterator[list[Path]]:
        """The files to look at; folders that hold results are left out whole."""
        for here, folders, files in os.walk(self._folder, onerror=self._unreadable):
            path = Path(here)
            if path != self._folder and (why := self._why_not_searched(path)):
                self._leave_out(path, why)
                folders.clear()
                continue
            for name in sorted(folders):
                if (path / name).is_symlink():
                    self._leave_out(path / name, "a link to a folder")
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            named = (path / name for name in sorted(files) if not name.startswith("."))
            yield [file for file in named if file.is_file()]

    def _why_not_searched(self, path: Path) -> str | None:
        if self._out is not None and path.resolve() == self._out:
            return "the folder for the results"
        return "a result of negvol" if is_result(path) else None

    def _unreadable(self, err: OSError) -> None:
        self._leave_out(Path(str(err.filename)), f"cannot be read ({err.strerror})")

    def _image(self, path: Path) -> None:
        if why := why_no_ct(path):
            self._leave_out(path, why)
        else:
            self._add(path, self._parts(path))

    def _zip(self, path: Path) -> None:
        """The images in a zip, and its DICOM series; a damaged one is tried, to be explained."""
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
            files = [n for n, member in enumerate(members) if not member.is_dir()]
            images = [n for n in files if is_image(members[n].filename)]
            for number in sorted(images, key=lambda n: (members[n].filename, n)):
                self._member(path, members[number], Member(number, members[number].CRC))
            if len(images) < len(files):
                for _ in self._series(find_series(path)):
                    pass
        except (InputError, OSError, *BROKEN):
            self._add(path, self._parts(path))

    def _member(self, path: Path, info: zipfile.ZipInfo, member: Member) -> None:
        inside = Path(info.filename)
        if any(part.startswith(".") or part == "__MACOSX" for part in inside.parts):
            return
        shown = f"{self._shown(path)}/{info.filename}"
        if inside.suffix.lower() in _IN_TWO_FILES:
            self.left_out.append(LeftOut(shown=shown, reason="in two files: unpack the zip"))
            return
        try:
            with opened(path, member) as (name, packed):
                why = why_no_ct(name, packed, values=info.file_size <= _UNPACKED_TO_LOOK)
        except InputError:
            why = None
        if why:
            self.left_out.append(LeftOut(shown=shown, reason=why))
            return
        parts = (*self._parts(path), *inside.parts[:-1], name_of(inside))
        self._add(path, parts, member, info.filename)

    def _series(self, found: Iterable[Series]) -> Iterator[Path]:
        """Take in series; the folders, or zips, that they lie in."""
        for series in found:
            yield series.folder
            number = "" if series.number is None else f"series {series.number}, "
            shown = f"{self._shown(series.folder)} ({number}{series.key})"
            if series.why_not:
                self.left_out.append(LeftOut(shown=shown, reason=series.why_not))
            elif (identity := f"{series.name} {(content := _content_of(series))}") in self._seen:
                self.left_out.append(LeftOut(shown=shown, reason="a copy of the same series"))
            else:
                self._seen.add(identity)
                stored = self._spool.add(series)
                hit = Hit(
                    candidate=Candidate(name="", path=series.folder, shown=shown, series=stored),
                    wanted=series.name,
                    identity=identity,
                    who=series.identity,
                    content=content,
                )
                self.hits.append(hit)

    def _add(
        self, path: Path, parts: tuple[str, ...], member: Member | None = None, inside: str = ""
    ) -> None:
        shown, identity = self._shown(path), f"file {self._shown(path)}"
        if member is not None:
            shown, identity = f"{shown}/{inside}", f"{identity}/{inside} {member.number}"
        scan = Candidate(name="", path=path, shown=shown, member=member)
        self.hits.append(Hit(candidate=scan, wanted="_".join(parts), identity=identity))

    def _parts(self, path: Path) -> tuple[str, ...]:
        """The folders below the searched one that a file lies in, and its own bare name."""
        return (*path.relative_to(self._folder).parts[:-1], name_of(path))

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(shown=self._shown(path), reason=reason))

    def _shown(self, path: Path) -> str:
        """A path as the person sees it: from the folder that was given."""
        return path.relative_to(self._folder).as_posix()


def _content_of(series: Series) -> str:
    """What tells it from another series; what cannot be read fails later, and is explained."""
    try:
        return fingerprint(series)
    except (InputError, OSError):
        return series.digest
