"""Text in CSV files that no spreadsheet runs as a formula, in any locale."""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = re.compile(
    r"""
    (^|[;,?|"])   # where a cell begins: half of Europe's spreadsheets part them at semicolons
    (\s*)               # which some of them pass over
    ([=+\-@\uff1d\uff0b\uff0d\uff20])  # and the same signs in full width, as in Japan
    """,
    re.VERBOSE,
)


def as_text(value: str) -> str:
    """The text, an apostrophe before each sign with which a spreadsheet would begin a formula.

    What does not print, such as a terminal's codes in the name of a file, becomes a question mark.
    A CSV file does not say at which character its cells are parted, and quotes do not help where
    that is taken for another: a semicolon within a cell begins a new one then.
    """
    seen = "".join(char if char.isprintable() else "?" for char in value)
    return _FORMULA.sub(r"\1\2'\3", seen)
