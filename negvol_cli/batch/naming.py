"""Names of result folders: unique, the same in every run, usable on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

from negvol_cli.batch.tables import FAILURES, PAGE, SUMMARY

_ODD: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_MOST_BYTES: Final = 150
_DIGITS: Final = 8


def unique_names(parts: Sequence[tuple[str, ...]]) -> list[str]:
    """A name for each scan, from the folders it lies in and its own name: ``("a", "ct")`` is a_ct.

    Where two would get one name (on a file system that knows no capitals), where it would be too
    long or holds what a name must not, digits that depend on nothing but the parts are added.
    """
    plain = [_plain(path) for path in parts]
    taken = Counter(_folded(name) for name in plain)
    taken.update(_folded(name) for name in (FAILURES, PAGE, SUMMARY))
    return [
        name if taken[_folded(name)] == 1 and name == "_".join(path) else _with_digits(name, path)
        for name, path in zip(plain, parts, strict=True)
    ]


def _plain(path: tuple[str, ...]) -> str:
    name = _ODD.sub("_", "_".join(path)).strip(" .") or "scan"
    return name.encode("utf-8", "replace")[:_MOST_BYTES].decode("utf-8", "ignore")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _with_digits(name: str, path: tuple[str, ...]) -> str:
    digest = hashlib.sha256("/".join(path).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{name}-{digest[:_DIGITS]}"
