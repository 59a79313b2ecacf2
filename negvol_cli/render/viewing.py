"""Finding the page of a result, and opening it in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Final

from negvol_cli.errors import InputError

REPORT: Final = "report.html"
SUMMARY: Final = "summary.html"
COMPARISON: Final = "comparison.html"
_NAMED_IN_ERRORS: Final = 5


def find_page(out: Path) -> Path:
    """Return the page of a scan's folder, a batch's, a comparison's, or of that around a scan's.

    Raises
    ------
    InputError
        There is no page, or there are several.
    """
    if out.is_file():
        if out.suffix.lower() not in (".html", ".htm"):
            raise InputError(
                f"{out} is not a report page: give a result folder, or the {REPORT} in it"
            )
        return out
    if not out.is_dir():
        raise InputError(f"{out} does not exist: give the folder that was passed to -o")
    for name in (SUMMARY, REPORT, COMPARISON):
        if (out / name).is_file():
            return out / name
    try:
        inside = sorted(
            folder
            for folder in out.iterdir()
            if not folder.name.startswith(".") and (folder / REPORT).is_file()
        )
    except OSError as err:
        raise InputError(f"cannot read {out}: {err.strerror}; check its permissions") from err
    if not inside:
        raise InputError(f"{out} contains no report: measure a scan with negvol run -o {out}")
    if len(inside) > 1:
        names = [folder.name for folder in inside[:_NAMED_IN_ERRORS]]
        more = ", ..." if len(inside) > _NAMED_IN_ERRORS else ""
        raise InputError(
            f"{out} contains {len(inside)} results ({', '.join(names)}{more}): "
            f"choose one, for example {inside[0]}"
        )
    return inside[0] / REPORT


def open_in_browser(url: str) -> bool:
    """Open ``url`` in a graphical browser, if there is one, and return whether it started."""
    unix = sys.platform not in ("win32", "darwin")
    if unix and not any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False
