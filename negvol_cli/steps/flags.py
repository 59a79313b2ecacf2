"""Flags known of a joint before it is measured, each of a kind that is asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlagKind(StrEnum):
    """What a flag is about. Intervals follow from it, never from how the sentence is worded."""

    CELLS_CLOSED = "air cells closed"
    ROOF_BRIDGED = "roof bridged"
    GAS = "gas in the joint"
    METAL = "metal"
    THICK_SLICES = "thick slices"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: ``text`` is the sentence of the report, ``amount`` the figure in it, not rounded.

    The amount is in mm³, of a bridged roof in mm², of thick slices in mm.
    """

    kind: FlagKind
    text: str
    amount: float
