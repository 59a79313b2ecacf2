"""The bundles that the user has installed, and the default one that comes with negvol."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from negvol_cli.bundle.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from negvol_cli.bundle.manifest import MANIFEST_NAME
from negvol_cli.errors import ModelError, OutputError
from negvol_cli.locking import Busy, locked

_PART: Final = ".part-"


@dataclass(frozen=True, slots=True)
class Stored:
    """A bundle on this machine; ``trouble`` says why it cannot be used ("" if it can)."""

    path: Path
    bundle: Bundle | None
    trouble: str = ""


def store_folder() -> Path:
    """The folder for this user's bundles; it need not exist.

    Raises OutputError where the user has no home, as in some containers.
    """
    try:
        folder = user_data_path("negvol", appauthor=False) / "models"
    except RuntimeError:  # so do newer platformdirs say it, older ones leave the ~ as it is
        folder = Path()
    if not folder.is_absolute():
        raise OutputError(
            "there is no home folder to keep bundles of models in: set HOME, or give a bundle by "
            "its path"
        )
    return folder


def list_bundles() -> list[Stored]:
    """Return the default bundle and the installed ones, by name, each with its hashes checked."""
    return [check_bundle(path) for path in (DEFAULT_BUNDLE, *_installed())]


def check_bundle(path: Path) -> Stored:
    """Load the bundle at ``path``, or say what is wrong with it."""
    try:
        return Stored(path, load_bundle(path))
    except ModelError as err:
        return Stored(path, None, str(err))


def find_bundle(name_or_path: str | None) -> Path:
    """Find the bundle that the user means: a path, or the name of an installed bundle or "default".

    An installed bundle may be named with its version ("name-version") or, if only one version is
    installed, without it.

    Raises
    ------
    ModelError
        No bundle has that name, or more than one.
    """
    if name_or_path is None or name_or_path == "default":
        return DEFAULT_BUNDLE
    path = Path(name_or_path)
    if path.exists():
        return path
    named = [p for p in _installed() if name_or_path == p.name]
    named = named or [p for p in _installed() if _name_of(p) == name_or_path]
    if len(named) == 1:
        return named[0]
    known = ", ".join(["default", *(p.name for p in _installed())])
    what = (
        f"{len(named)} sets of installed models are"
        if named
        else "no file and no installed models are"
    )
    raise ModelError(f"{what} named {name_or_path!r}; give a path or one of: {known}")


def install_bundle(source: Path) -> Bundle:
    """Copy the bundle at ``source`` (folder or zip file) into the store, completely or not at all.

    A bundle with the same hash that is already there is left as it is. Remains of an interrupted
    installation are removed.

    Raises
    ------
    ModelError
        The source is unusable, or another bundle has its name and version.
    OutputError
        The store cannot be written.
    """
    bundle = load_bundle(source)
    store = store_folder()
    target = store / f"{bundle.manifest.name}-{bundle.manifest.version}"
    try:
        if target.exists():
            return _same(target, bundle)
        store.mkdir(parents=True, exist_ok=True)
        with locked(store / ".lock"):
            if target.exists():
                return _same(target, bundle)
            _clear_leftovers(store)
            part = store / f"{_PART}{secrets.token_hex(4)}"
            try:
                _copy(bundle, part)
                load_bundle(part)
                part.rename(target)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except Busy as err:
        raise OutputError(
            f"another negvol is installing into {store} at this moment; wait for it"
        ) from err
    except OSError as err:
        raise OutputError(f"cannot install into {store}: {err.strerror or err}") from err
    return load_bundle(target)


def _copy(bundle: Bundle, folder: Path) -> None:
    """Write the networks, then the manifest, without which a folder is no bundle."""
    folder.mkdir()
    for model in bundle.models:
        (folder / model.file).write_bytes(bundle.read(model))
    (folder / MANIFEST_NAME).write_bytes(bundle.files.read(MANIFEST_NAME))


def _clear_leftovers(store: Path) -> None:
    """Remove what installations left that were killed half way."""
    for left in store.glob(f"{_PART}*"):
        shutil.rmtree(left, ignore_errors=True)


def _same(target: Path, bundle: Bundle) -> Bundle:
    """The bundle at ``target``, which must be equal to ``bundle``."""
    there = check_bundle(target)
    if there.bundle is None or there.bundle.hash != bundle.hash:
        raise ModelError(
            f"another {bundle.title}, or a damaged one, is installed in {target}; "
            "remove that folder first"
        )
    return there.bundle


def _installed() -> list[Path]:
    """The folders of installed bundles; none where the user has no home."""
    try:
        store = store_folder()
    except OutputError:
        return []
    return sorted(manifest.parent for manifest in store.glob(f"[!.]*/{MANIFEST_NAME}"))


def _name_of(path: Path) -> str | None:
    stored = check_bundle(path)
    return stored.bundle.manifest.name if stored.bundle else None
