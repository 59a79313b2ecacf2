"""Negative volume of the temporomandibular joint from CT.

``measure_scan``, ``measure_labels`` and ``compare`` do what ``negvol run``, ``negvol measure`` and
``negvol compare`` do. They are loaded when first asked for, so that ``negvol --help`` stays
instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from negvol_cli.correction import correct
    from negvol_cli.follow_up import compare
    from negvol_cli.study import measure_labels, measure_scan

__all__ = ["compare", "correct", "measure_labels", "measure_scan"]

_FROM: Final = {
    "compare": "follow_up",
    "correct": "correction",
    "measure_labels": "study",
    "measure_scan": "study",
}


def __getattr__(name: str) -> Any:
    if name in _FROM:
        return getattr(import_module(f"negvol_cli.{_FROM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
