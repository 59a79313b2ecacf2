"""A result folder that is complete or absent: written beside its place, then renamed."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negvol_cli.errors import OutputError
from negvol_cli.locking import Busy, locked

RESULT_MARK: Final = "run.json"
"""The file by which a folder is known as a result of ours, which may be overwritten."""

RUN_SCHEMA: Final = 2
"""Of that file."""

DICOM_FOLDER: Final = "dicom"
"""Where a result keeps what goes into a PACS."""

REVISIONS: Final = "revisions"
"""Where a result keeps what people corrected; a result that replaces it takes them over."""

MIN_FREE_BYTES: Final = 64 << 20
"""Four results of 16 MB (docs/batch.md): a disk with less is refused before the work."""

DAY_S: Final = 86_400.0
"""No correction takes as long."""

_MOVED_AWAY: Final = "-old"
_PART: Final = re.compile(r"\.(.+)\.(?:part|new)-[0-9a-f]{8}(-old)?")
_LOCK: Final = re.compile(r"\.(.+)\.lock")


@contextmanager
def new_output(parent: Path, name: str, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty folder to write into, which becomes ``parent/name`` at the end of the body.

    If the body raises, the folder is removed and what was at ``parent/name`` stays. With
    ``overwrite`` an earlier result is exchanged for the new one in one step (on Linux; elsewhere
    in two renames). What a killed run left half written is removed by the next run.

    Raises OutputError, before the body where it can be known then: something is there already,
    is no earlier result, cannot be written, the disk is full, or another run writes the same.
    """
    target = parent / name
    if name != Path(name).name or name in ("", ".", ".."):
        raise OutputError(f"{name!r} cannot be the name of a folder; rename the scan")
    if not is_text(target):
        raise OutputError(f"{str(target)!a} is not valid UTF-8: rename it, or choose another -o")
    with _explained(target):
        _refuse(target, overwrite)
        parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(parent).free < MIN_FREE_BYTES:
            raise OutputError(f"the disk of {parent} is full; make room there or choose another -o")
    try:
        with _explained(target), locked(parent / f".{name}.lock") as alone:
            if alone:
                _clear_leftovers(target)
            part = name_beside(target, "part")
            part.mkdir()
            try:
                yield part
                _refuse(target, overwrite)
                _keep_revisions(target, part)
                _put(part, target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except Busy as err:
        raise OutputError(
            f"another negvol is writing {target} at this moment; wait for it or choose another -o"
        ) from err


@dataclass(slots=True)
class Numbered:
    """A folder that is being written, ``folder``; afterwards that is its numbered place."""

    folder: Path


@contextmanager
def numbered_output(parent: Path) -> Iterator[Numbered]:
    """Give a hidden folder to write into, which becomes ``parent/001`` or the next free number.

    It takes its number at the end of the body, so that two that write at once get two numbers. If
    the body raises, nothing is left. Raises OutputError as ``new_output`` does.
    """
    target = parent / "revision"
    with _explained(target):
        parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(parent).free < MIN_FREE_BYTES:
            raise OutputError(f"the disk of {parent} is full: make room there")
        _clear_old_parts(target)
        part = name_beside(target, "part")
        part.mkdir()
        written = Numbered(part)
        try:
            yield written
            written.folder = _numbered(part, parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def revisions_of(folder: Path) -> tuple[str, ...]:
    """The numbers of a result's revisions, in order."""
    try:
        names = [path.name for path in (folder / REVISIONS).iterdir() if path.name.isdecimal()]
    except OSError:
        return ()
    return tuple(sorted(names, key=int))


def _clear_old_parts(target: Path) -> None:
    """Remove what runs left half written that were killed a day ago or earlier."""
    for left in target.parent.glob(f".{target.name}.part-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > DAY_S:
                shutil.rmtree(left, ignore_errors=True)


def _numbered(part: Path, parent: Path) -> Path:
    """Rename ``part`` to the first free number after the highest."""
    taken = [int(path.name) for path in parent.iterdir() if path.name.isdecimal()]
    number = max(taken, default=0) + 1
    while True:
        place = parent / f"{number:03d}"
        try:
            part.rename(place)
        except OSError as err:
            if not place.exists() or err.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.EACCES):
                raise
            number += 1
        else:
            return place


def _keep_revisions(target: Path, part: Path) -> None:
    """Copy what people corrected of the result at ``target`` into the one that replaces it."""
    if (target / REVISIONS).is_dir():
        halves = shutil.ignore_patterns(".*")
        shutil.copytree(target / REVISIONS, part / REVISIONS, ignore=halves)


def name_beside(target: Path, ending: str = "new") -> Path:
    """A name that nobody can foretell, for what is to be renamed to ``target`` when it is whole.

    ``ending`` is "part" for a folder, "new" for a file. What a killed run leaves under such a name
    is removed by ``clear_leftovers``.
    """
    return target.with_name(f".{target.name}.{ending}-{secrets.token_hex(4)}")


def is_text(path: Path) -> bool:
    """Whether a path can be written as UTF-8, as JSON and ITK need; a Linux file name need not."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Turn a full disk, and what else speaks against writing there, into OutputError."""
    try:
        yield
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"the disk is full, so that {target} was not written; "
                "make room or choose another -o"
            ) from err
        if not str(err.filename).startswith(str(target.parent)):
            raise
        raise OutputError(
            f"cannot write {target}: {err.strerror} ({err.filename}); choose another -o"
        ) from err


def _refuse(target: Path, overwrite: bool) -> None:
    """Raise OutputError where what is at ``target`` must not be replaced."""
    if not os.path.lexists(target):
        return
    if not target.is_dir() or target.is_symlink():
        raise OutputError(f"{target} is there and is no folder; choose another -o")
    if not any(target.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            f"{target} is there already; give --overwrite or choose another -o",
            public="there is a result already; give --overwrite or choose another -o",
        )
    if not (target / RESULT_MARK).is_file():
        raise OutputError(
            f"{target} contains something else than a result of negvol (there is no {RESULT_MARK} "
            "in it), so it is not overwritten; choose another -o"
        )


def _clear_leftovers(target: Path) -> None:
    """Remove what killed runs left half written; put back a result they had moved away."""
    for left in target.parent.glob(f"{glob.escape(f'.{target.name}.')}*"):
        match = _PART.fullmatch(left.name)
        if match is None or match[1] != target.name:  # of a scan whose name begins like this one
            continue
        if left.is_file() or left.is_symlink():  # half a table, or a link that somebody put there
            left.unlink(missing_ok=True)
        elif left.name.endswith(_MOVED_AWAY) and not target.exists():
            left.rename(target)
        else:
            shutil.rmtree(left, ignore_errors=True)


def clear_leftovers(parent: Path) -> None:
    """Remove what killed runs left half written in ``parent``, except where one is running."""
    names = {
        match[1]
        for path in parent.glob(".*")
        if (match := _PART.fullmatch(path.name) or _LOCK.fullmatch(path.name))
    }
    for name in sorted(names):
        with suppress(Busy, OSError), locked(parent / f".{name}.lock") as alone:
            if alone:
                _clear_leftovers(parent / name)


def _put(part: Path, target: Path) -> None:
    """Move the finished folder to its place; afterwards ``part`` holds what was there, if any."""
    if not target.is_dir():
        part.rename(target)
    elif not _exchange(part, target):
        old = part.with_name(part.name + _MOVED_AWAY)
        target.rename(old)
        part.rename(target)
        old.rename(part)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    at_cwd, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fs.h
    return bool(libc.renameat2(at_cwd, os.fsencode(a), at_cwd, os.fsencode(b), exchange) == 0)
