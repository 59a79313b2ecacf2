"""Negative volume of the temporomandibular joint from CT.

``measure_scan`` and ``measure_labels`` do what ``negvol run`` and ``negvol measure`` do. They are
loaded when first asked for, so that ``negvol --help`` stays instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from negvol_cli.study import measure_labels, measure_scan

__all__ = ["measure_labels", "measure_scan"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from negvol_cli import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
