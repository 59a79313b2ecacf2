"""The annotated heads of ``DATA/tmj``, in the order in which every benchmark takes them."""

from __future__ import annotations

from typing import Final

LABELLED: Final = (
    "visible-male",
    "fullhead",
    "cranium",
    "medimodel",
    "sharp-base",
    "cthead",
    "visible-female",
)
"""Heads with reference labels of both joints."""
HEADS: Final = (*LABELLED, "planning-3mm")
"""All; the last has slices of 3 mm, and the centres of its joints alone."""


def labelled_but(*left_out: str) -> tuple[str, ...]:
    """The heads with reference labels, without some. Raises ValueError where one is unknown."""
    if unknown := set(left_out) - set(LABELLED):
        raise ValueError(f"no labelled head is called {', '.join(sorted(unknown))}")
    return tuple(head for head in LABELLED if head not in left_out)
