"""Searching a folder for scans, in files, zips and DICOM series."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from negvol_cli.batch.candidates import Candidate, Discovery, LeftOut
from negvol_cli.batch.naming import unique_names
from negvol_cli.batch.resume import read_record
from negvol_cli.batch.screening import is_image, why_no_ct
from negvol_cli.batch.source import unpacked
from negvol_cli.errors import InputError
from negvol_cli.io.dicom import Identity, Series, find_series
from negvol_cli.io.image import name_of

Looking = Callable[[str], None]
Pseudonym = Callable[[Identity, str], str]

_IN_TWO_FILES: Final = {".mhd", ".nhdr"}
_UNPACKED_TO_LOOK: Final = 2**25  # a label map packs small; of a larger file the header will do
_HEADER_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class _Unnamed:
    """A scan without its final name, which is made of ``parts``."""

    found: Candidate
    parts: tuple[str, ...]


def discover(
    folder: Path,
    out: Path | None = None,
    looking: Looking = lambda _: None,
    pseudonym: Pseudonym | None = None,
) -> Discovery:
    """Every scan below ``folder``, and what is left out and why, in the order of their paths.

    Hidden files, results of negvol and the folder ``out`` are not searched. ``looking`` is told
    what is being looked at. With ``pseudonym``, which gets an identity and, of an image file, its
    path, scans are known by what it returns alone. Raises InputError where ``folder`` is none or
    cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give the folder to be searched for scans")
    search = _Search(folder, out, looking)
    search.run()
    candidates = sorted(search.candidates, key=lambda c: (c.found.shown, c.parts))
    if pseudonym is None:
        names = unique_names([candidate.parts for candidate in candidates])
        scans = [replace(c.found, name=n) for c, n in zip(candidates, names, strict=True)]
    else:
        names = _numbered([_pseudonym_of(c.found, pseudonym) for c in candidates])
        scans = [replace(c.found, name=n, shown=n) for c, n in zip(candidates, names, strict=True)]
    return Discovery(
        scans=tuple(scans),
        left_out=tuple(sorted(search.left_out, key=lambda left: left.shown)),
        private=pseudonym is not None,
    )


def _pseudonym_of(found: Candidate, pseudonym: Pseudonym) -> str:
    if found.series is None:
        return pseudonym(Identity(), found.shown)
    return pseudonym(found.series.identity, "")


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number: parts of one series have one pseudonym."""
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return numbered


class _Search:
    """One walk over the folder, collecting what it finds."""

    def __init__(self, folder: Path, out: Path | None, looking: Looking) -> None:
        self.folder = folder.resolve()
        self.out = None if out is None else out.resolve()
        self.looking = looking
        self.names: set[str] = set()
        self.skipped: list[Path] = []
        self.candidates: list[_Unnamed] = []
        self.left_out: list[LeftOut] = []

    def run(self) -> None:
        """Look at every file by its name, then at the headers of what has no telling one."""
        others = False
        for path in self._files():
            self.looking(self._shown(path))
            if is_image(path.name):
                self._image(path)
            elif path.suffix.lower() == ".zip":
                self._zip(path)
            else:
                others = True
        if others:
            self.looking("the headers of DICOM files")
            self._series(s for s in self._found_in(self.folder) if self._is_searched(s.folder))

    def _files(self) -> Iterator[Path]:
        """The files to look at; folders that hold results are left out whole."""
        for here, folders, files in os.walk(self.folder, onerror=self._unreadable):
            path = Path(here)
            if path != self.folder and (why := self._why_not_searched(path)):
                self._leave_out(path, why)
                self.skipped.append(path)
                folders.clear()
                continue
            for name in sorted(folders):
                if (path / name).is_symlink():
                    self._leave_out(path / name, "a link to a folder")
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and (path / name).is_file():
                    yield path / name

    def _why_not_searched(self, path: Path) -> str | None:
        if self.out is not None and path.resolve() == self.out:
            return "the folder for the results"
        record = read_record(path)
        if record is not None and {"research_use", "scan", "steps"} <= record.keys():
            return "a result of negvol"
        return None

    def _found_in(self, folder: Path) -> Iterator[Series]:
        """The series below a folder; where one file cannot be read, those of its other folders."""
        try:
            yield from find_series(folder)
        except InputError as err:
            try:
                inside = sorted(folder.iterdir())
            except OSError:  # the walk has said so already
                return
            if any(path.is_file() for path in inside):
                self._leave_out(folder, " ".join(str(err).split()))
            for path in inside:
                if path.is_dir() and not path.is_symlink():
                    yield from self._found_in(path)

    def _is_searched(self, path: Path) -> bool:
        inside = path.relative_to(self.folder).parts
        return not any(part.startswith(".") for part in inside) and not any(
            path.is_relative_to(skipped) for skipped in self.skipped
        )

    def _unreadable(self, err: OSError) -> None:
        self._leave_out(Path(str(err.filename)), f"cannot be read ({err.strerror})")

    def _image(self, path: Path) -> None:
        if why := why_no_ct(path):
            self._leave_out(path, why)
            return
        self._add(Candidate(name="", path=path, shown=self._shown(path)), self._parts(path))

    def _zip(self, path: Path) -> None:
        """The images in a zip, and its DICOM series; a damaged one is tried, to be explained."""
        try:
            with zipfile.ZipFile(path) as archive:
                members = [m for m in archive.infolist() if not m.is_dir()]
                images = sorted((m for m in members if is_image(m.filename)), key=_name_in_zip)
                for member in images:
                    self._member(archive, member, path)
            if len(images) < len(members):
                self._series(find_series(path))
        except (InputError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
            self._add(Candidate(name="", path=path, shown=self._shown(path)), self._parts(path))

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
        inside = Path(member.filename)
        shown = f"{self._shown(path)}/{member.filename}"
        if any(part.startswith(".") or part == "__MACOSX" for part in inside.parts):
            return
        if inside.suffix.lower() in _IN_TWO_FILES:
            self.left_out.append(LeftOut(shown=shown, reason="in two files: unpack the zip"))
            return
        whole = member.file_size <= _UNPACKED_TO_LOOK
        try:
            with unpacked(archive, member, path, None if whole else _HEADER_BYTES) as file:
                why = why_no_ct(file, values=whole)
        except InputError:
            why = None
        if why:
            self.left_out.append(LeftOut(shown=shown, reason=why))
            return
        found = Candidate(name="", path=path, shown=shown, member=member.filename)
        self._add(found, (*self._parts(path), *inside.parts[:-1], name_of(inside)))

    def _series(self, found: Iterable[Series]) -> None:
        for series in found:
            number = "" if series.number is None else f"series {series.number}, "
            shown = f"{self._shown(series.folder)} ({number}{series.key})"
            if series.why_not:
                self.left_out.append(LeftOut(shown=shown, reason=series.why_not))
            elif series.name in self.names:
                self.left_out.append(LeftOut(shown=shown, reason="a copy of the same series"))
            else:
                self.names.add(series.name)
                path = series.folder
                self._add(Candidate(name="", path=path, shown=shown, series=series), (series.name,))

    def _add(self, found: Candidate, parts: tuple[str, ...]) -> None:
        self.candidates.append(_Unnamed(found, parts))

    def _parts(self, path: Path) -> tuple[str, ...]:
        """The folders below the searched one that a file lies in, and its own bare name."""
        return (*path.relative_to(self.folder).parts[:-1], name_of(path))

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.append(LeftOut(shown=self._shown(path), reason=reason))

    def _shown(self, path: Path) -> str:
        """A path as the person sees it: from the folder that was given."""
        return path.relative_to(self.folder).as_posix()


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    return member.filename
