"""The files of a bundle, in a folder or in a zip file."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from negvol_cli.bundle.manifest import MANIFEST_NAME
from negvol_cli.errors import ModelError

MAX_BYTES: Final = 1 << 30
"""No file of a bundle is larger; it is asked before memory is taken."""

MAX_ENTRIES: Final = 1000
"""No archive with a bundle holds more."""


class BundleFiles(Protocol):
    """Read access to the files beside ``bundle.toml``, by plain name."""

    def read(self, name: str) -> bytes:
        """Return the content of one file. Raises ModelError if it cannot be read."""


def open_files(path: Path) -> BundleFiles:
    """Open the files of the bundle at ``path``: a folder or a zip file.

    Raises
    ------
    ModelError
        There is neither, or the archive is damaged or has entries that point outside it.
    """
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        raise ModelError(f"there is no bundle of models at {path}; give a folder or a zip file")
    return _Archive(path)


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        file = self._path / name
        try:
            said = file.stat()
            if not stat.S_ISREG(said.st_mode):  # a pipe would be waited for
                raise ModelError(f"{file} is no file; get the bundle again")
            if said.st_size > MAX_BYTES:
                raise ModelError(f"{file} is larger than {MAX_BYTES >> 20} MiB; is it a model?")
            return file.read_bytes()
        except OSError as err:
            raise ModelError(
                f"the bundle in {self._path} lacks a readable {name} ({err.strerror}); "
                "get the bundle again"
            ) from err


class _Archive:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                if len(archive.infolist()) > MAX_ENTRIES:
                    raise ModelError(f"{path} contains over {MAX_ENTRIES} files; is it a bundle?")
                for entry in archive.infolist():
                    self._refuse_unsafe(entry)
                names = [e.filename for e in archive.infolist() if not e.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as err:
            raise ModelError(f"{path} is not a readable zip archive ({err})") from err
        self._prefix = self._top_folder(names)

    def read(self, name: str) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as archive:
                entry = archive.getinfo(self._prefix + name)
                if entry.file_size > MAX_BYTES:
                    raise ModelError(
                        f"{name} in {self._path} is larger than {MAX_BYTES >> 20} MiB; "
                        "is it a model?"
                    )
                return archive.read(entry)  # zipfile stops at the size the entry claims
        except KeyError as err:
            raise ModelError(
                f"the bundle in {self._path} lacks {name}; get the bundle again"
            ) from err
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as err:
            raise ModelError(
                f"{name} in {self._path} cannot be unpacked ({err}); get the bundle again"
            ) from err

    def _refuse_unsafe(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name:
            raise ModelError(f"{self._path} contains {name!r}, which points outside it; not opened")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ModelError(f"{self._path} contains {name!r}, which is a link; not opened")

    def _top_folder(self, names: list[str]) -> str:
        """The folder, with its slash, that holds the manifest: the top or one folder below."""
        found = [n for n in names if n.split("/")[-1] == MANIFEST_NAME and n.count("/") <= 1]
        if len(found) != 1:
            raise ModelError(
                f"{self._path} must hold one {MANIFEST_NAME}, at its top or in one folder, "
                f"but contains {len(found)}"
            )
        return found[0][: -len(MANIFEST_NAME)]
