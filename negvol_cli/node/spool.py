"""What a node has received and made, on disk, so that being killed at any moment loses nothing.

    arriving/             files that are being written; removed at the start
    studies/<study>/      <instance>-<content>.dcm, each there whole or not at all
    states/<study>.json   how far the study is (state.State)
    results/ct-<series>-<study>/   results, as 'negvol batch' writes them
    audit.jsonl

<study>, <instance> and <content> are SHA-256 digests: no text of a header ever becomes a path.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from negvol_cli.errors import OutputError
from negvol_cli.io.dicom import Received
from negvol_cli.io.output_folder import MIN_FREE_BYTES, clear_leftovers
from negvol_cli.locking import Busy, locked
from negvol_cli.node.durable import put, sync_folder, write_part
from negvol_cli.node.state import State

_DIGITS: Final = 20
"""80 bits of a digest: among a billion studies, two share a name with odds under one in
two million."""


class Kept(StrEnum):
    """What keeping an instance came to."""

    NEW = "new"
    SAME = "same"
    REPLACED = "replaced"


class FullError(Exception):
    """There is no room for what has arrived."""


class Spool:
    """The folder of a node. One process at a time may hold it; its threads share this object.

    ``most_bytes`` limits images and results together. Where room is needed, the oldest studies of
    which nothing is left to be done go first; their states stay, so that they are known again.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.results = folder / "results"
        self._arriving, self._studies = folder / "arriving", folder / "studies"
        self._states = folder / "states"
        self._most_bytes = most_bytes
        self._lock = threading.RLock()
        self._claimed: set[str] = set()
        self._digests: dict[str, tuple[int, str]] = {}
        self._used = 0
        self._since = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out of the folder, and clear what a killed one left half written.

        Raises OutputError where another node holds it, or where it cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.folder / ".lock"):
                shutil.rmtree(self._arriving, ignore_errors=True)
                for folder in (self._arriving, self._studies, self._states, self.results):
                    folder.mkdir(mode=0o700, exist_ok=True)
                clear_leftovers(self.results)
                for study in self._studies.iterdir():
                    with suppress(OSError):
                        study.rmdir()  # which its first image did not reach
                self._since = time.monotonic()
                self._used = _size_of(self._studies) + _size_of(self.results)
                yield
        except Busy as err:
            raise OutputError(
                f"another node uses {self.folder} at this moment: end it, or give another --spool"
            ) from err
        except OSError as err:
            if not str(err.filename or "").startswith(str(self.folder)):
                raise
            raise OutputError(
                f"cannot write into {self.folder}: {err.strerror}; give another --spool"
            ) from err

    def keep(self, image: Received, content: bytes, digest: str) -> Kept:
        """Put an image to its study; when this returns it is on the disk.

        ``digest`` tells the content from others. The same image again changes nothing; another
        content under the same UID takes the place of the earlier one. Raises FullError where there
        is no room for it, and OSError.
        """
        instance = _short(image.sop_instance)
        folder = self._studies / study_name(image)
        target = folder / f"{instance}-{digest[:_DIGITS]}.dcm"
        if target.exists():
            sync_folder(folder)
            return Kept.SAME
        self._reserve(len(content))
        try:
            part = write_part(content, self._arriving)
            with self._lock:
                return self._place(part, target)
        except OSError:
            self._free(len(content))
            raise

    def _place(self, part: Path, target: Path) -> Kept:
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700)
            sync_folder(self._studies)
        instance = target.name.partition("-")[0]
        earlier = [path for path in target.parent.glob(f"{instance}-*.dcm") if path != target]
        part.replace(target)
        for path in earlier:
            self._free(path.stat().st_size)
            path.unlink()
        sync_folder(target.parent)
        return Kept.REPLACED if earlier else Kept.NEW

    def studies(self) -> tuple[str, ...]:
        """The studies of which images are here, the longest quiet first."""
        with self._lock:
            names = [(path.stat().st_mtime_ns, path.name) for path in self._studies.iterdir()]
        return tuple(name for _, name in sorted(names))

    def images(self, study: str) -> Path:
        """The folder of a study's images."""
        return self._studies / study

    def count(self, study: str) -> int:
        """How many images of a study are here."""
        return sum(1 for _ in self.images(study).glob("*.dcm"))

    def digest(self, study: str) -> str:
        """What tells the set of images that are here now from any other; ask of a quiet study."""
        folder = self._studies / study
        with self._lock:
            if not folder.is_dir():
                return ""
            stamp = folder.stat().st_mtime_ns
            if self._digests.get(study, (0, ""))[0] != stamp:
                self._newest_alone(folder)
                names = "\n".join(sorted(path.name for path in folder.iterdir()))
                self._digests[study] = folder.stat().st_mtime_ns, _short(names)
            return self._digests[study][1]

    def quiet_s(self, study: str) -> float:
        """For how long no image of it has come while this process could have taken one.

        A clock that was put back counts as quiet.
        """
        try:
            age = abs(time.time() - (self._studies / study).stat().st_mtime)
        except FileNotFoundError:
            return 0.0
        return min(age, time.monotonic() - self._since)

    def state(self, study: str) -> State:
        """How far a study is."""
        with suppress(OSError):
            return State.from_bytes(self._state_file(study).read_bytes())
        return State()

    def set_state(self, study: str, state: State) -> None:
        """Write down how far a study is; on the disk when this returns. Raises OSError."""
        put(state.to_bytes(), self._state_file(study), self._arriving)

    def is_done(self, study: str) -> bool:
        """Whether nothing is left to be done for what is here of it."""
        state = self.state(study)
        return state.done and state.measured == self.digest(study)

    @contextmanager
    def claimed(self, study: str) -> Iterator[bool]:
        """Have a study to oneself, so that it is not measured and sent at once; False: taken."""
        with self._lock:
            free = study not in self._claimed
            self._claimed.add(study)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._claimed.discard(study)

    def result_folder(self, study: str, series: str) -> Path:
        """Where the result of a series of a study lies, or is to lie."""
        return self.results / f"ct-{series}-{study}"

    @contextmanager
    def counting_results(self, study: str) -> Iterator[None]:
        """Count what the body adds to the results of a study among what is used."""
        before = self._size_of_results(study)
        try:
            yield
        finally:
            self._free(before - self._size_of_results(study))

    def forget_older(self, days: float) -> tuple[str, ...]:
        """Remove the images and results of studies that were done so long ago; their names."""
        limit = time.time() - days * 86400
        with self._lock:
            old = [study for study in self._finished() if self._done_at(study) < limit]
            for study in old:
                self._remove(study)
        return tuple(old)

    def _reserve(self, size: int) -> None:
        with self._lock:
            if not self._has_room(size):
                for study in self._finished():
                    self._remove(study)
                    if self._has_room(size):
                        break
                else:
                    raise FullError
            self._used += size

    def _free(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def _has_room(self, size: int) -> bool:
        free = shutil.disk_usage(self.folder).free
        return self._used + size <= self._most_bytes and free - size >= MIN_FREE_BYTES

    def _finished(self) -> Iterator[str]:
        """Studies of which nothing is left to be done, those done longest ago first."""
        done = [name for name in self.studies() if name not in self._claimed and self.is_done(name)]
        yield from sorted(done, key=self._done_at)

    def _done_at(self, study: str) -> float:
        return self._state_file(study).stat().st_mtime

    def _remove(self, study: str) -> None:
        self._used -= self._size_of_results(study) + _size_of(self._studies / study)
        for folder in self._results_of(study):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._studies / study, ignore_errors=True)
        self._digests.pop(study, None)

    def _results_of(self, study: str) -> list[Path]:
        return list(self.results.glob(f"ct-*-{study}"))

    def _size_of_results(self, study: str) -> int:
        return sum(map(_size_of, self._results_of(study)))

    def _newest_alone(self, folder: Path) -> None:
        """Remove images that were replaced by others, of which a killed process left both."""
        with self._lock:
            seen: set[str] = set()
            for path in sorted(folder.iterdir(), key=lambda p: -p.stat().st_mtime_ns):
                instance = path.name.partition("-")[0]
                if instance in seen:
                    self._free(path.stat().st_size)
                    path.unlink()
                seen.add(instance)

    def _state_file(self, study: str) -> Path:
        return self._states / f"{study}.json"


def study_name(image: Received) -> str:
    """The name of a study here: a digest of its UID and of whose it is.

    Images of two patients under one study UID, as some anonymisers write them, stay apart.
    """
    who = image.identity
    return _short(f"{who.issuer}\n{who.patient_id}\n{who.study_uid}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
