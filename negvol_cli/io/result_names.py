"""Names of result folders that every file system can hold and that no other file of ours has."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

MOST_BYTES: Final = 150
"""Room is left, of the 255 bytes of a name, for digits and for a lock's or a part's ending."""
DIGITS: Final = 8

_CUT_BYTES: Final = 100

_ODD: Final = re.compile(r'[/\\:*?"<>|]+')
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control and escape codes, marks that turn the writing direction, halves of characters, breaks."""
_OURS: Final = (".csv", ".html", ".js", ".json")
"""Endings of the tables, pages and libraries that lie beside result folders."""
_DEVICES: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\..*)?"
)
"""Names of devices, with any ending (learn.microsoft.com: Naming Files, Paths, and Namespaces)."""


def result_name(wanted: str) -> str:
    """``wanted`` where it can be a folder's name everywhere; else one like it, ended by digits.

    The digits depend on nothing but ``wanted``.
    """
    name = plain_name(wanted)
    return name if name == wanted and not is_reserved(name) else with_digits(name, wanted, DIGITS)


def plain_name(wanted: str) -> str:
    """``wanted`` without what a name must not hold; it may still be reserved."""
    seen = "".join("_" if unicodedata.category(c) in _UNSEEN else c for c in wanted)
    name = _ODD.sub("_", seen).strip(" .") or "scan"
    name = f"_{name}" if _DEVICES.fullmatch(folded(name)) else name
    if len(name.encode("utf-8")) <= MOST_BYTES:
        return name
    return name.encode("utf-8")[:_CUT_BYTES].decode("utf-8", "ignore").rstrip(" .")


def is_reserved(name: str) -> bool:
    """Whether a table or page of a batch may have this name."""
    return folded(name).endswith(_OURS)


def with_digits(name: str, of: str, count: int) -> str:
    """``name`` and after a dash the first ``count`` hexadecimal digits of the SHA-256 of ``of``."""
    digest = hashlib.sha256(of.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}-{digest[:count]}"


def folded(name: str) -> str:
    """What names have in common that are one name on some file system, as those of Windows, macOS.

    Those know no capitals, and take letters for the same that are written in different codes.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).upper().casefold())
