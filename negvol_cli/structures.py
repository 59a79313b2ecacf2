"""The sides of the patient, the structures of a joint, and conventions that every module shares.

World coordinates are LPS millimetres (x to the patient's left, y to posterior, z to superior);
arrays are indexed [z, y, x]; sides are the patient's.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

AIR_HU: Final = -1000.0
"""Air by the definition of the Hounsfield scale; what lies beyond a scan counts as air."""


class Side(StrEnum):
    """A side of the patient, never of an array."""

    RIGHT = "right"
    LEFT = "left"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.LEFT if self is Side.RIGHT else Side.RIGHT


class Label(IntEnum):
    """What a voxel of one joint is."""

    BACKGROUND = 0
    CONDYLE = 1
    TEMPORAL_BONE = 2
    NEGATIVE_VOLUME = 3


def scan_label(side: Side, label: Label) -> int:
    """Return the value of ``label`` in the six-label map of a whole scan.

    Right MC, TB and NV are 1, 2 and 3; left MC, TB and NV are 4, 5 and 6.
    """
    return int(label) + (3 if side is Side.LEFT and label is not Label.BACKGROUND else 0)
