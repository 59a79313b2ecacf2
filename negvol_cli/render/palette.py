"""The colours of every picture, each structure keeping its own.

The hues are those of Okabe and Ito (Color Universal Design, 2008), which people with any common
colour vision tell apart. No picture relies on hue alone: in print the condyle is a solid line,
the temporal bone a dashed one and the negative volume a filled area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from negvol_cli.colours import (
    CONDYLE,
    NEGATIVE_VOLUME,
    REFERENCE,
    TEMPORAL_BONE,
    TEMPORAL_BONE_SOLID,
    rgb,
)

__all__ = [
    "CONDYLE",
    "NEGATIVE_VOLUME",
    "REFERENCE",
    "TEMPORAL_BONE",
    "TEMPORAL_BONE_SOLID",
    "rgb",
]

MARK: Final = "#F0E442"
"""A place that a self-check found wrong: a ring, in Okabe and Ito's yellow."""

BLACK: Final = "#000000"
INK: Final = "#1B2A34"
MUTED: Final = "#5A6872"
RULE: Final = "#D5DCE0"
PAPER: Final = "#FFFFFF"
PANEL: Final = "#0B0F12"
ON_PANEL: Final = "#E8EDF0"

# The sides, where both are drawn into one diagram: again of Okabe and Ito, and by line and mark.
RIGHT: Final = "#0072B2"
LEFT: Final = "#B34700"

# Joint space on the condyle: yellow where the bones nearly touch, dark blue where they are far
# apart; brightness falls all the way, so that it reads in grey too. The ends of viridis' sibling
# cividis (Nunez et al., PLoS ONE 2018), reversed.
JOINT_SPACE_SCALE: Final = (
    (0.0, "#FEE838"),
    (0.2, "#D3C164"),
    (0.4, "#A69D75"),
    (0.6, "#7C7B78"),
    (0.8, "#4B576B"),
    (1.0, "#00224E"),
)
JOINT_SPACE_RANGE_MM: Final = (0.0, 6.0)
"""Published joint spaces are 1.3 to 2.5 mm (Ikeda and Kawamura 2009); 6 mm leaves room for open
joints."""


@dataclass(frozen=True, slots=True)
class Paint:
    """How values in mm on a condyle are shown: what they are, their range, and colours over it."""

    name: str
    low_mm: float
    high_mm: float
    scale: tuple[tuple[float, str], ...]

    def colour(self, share: float) -> tuple[int, int, int]:
        """Red, green and blue at a share, 0 to 1, of the range."""
        stops = [stop for stop, _ in self.scale]
        colours = [rgb(colour) for _, colour in self.scale]
        red, green, blue = (
            round(float(np.interp(share, stops, [colour[i] for colour in colours])))
            for i in range(3)
        )
        return red, green, blue


JOINT_SPACE: Final = Paint("joint space", *JOINT_SPACE_RANGE_MM, JOINT_SPACE_SCALE)

SURFACE_CHANGE: Final = Paint(
    "surface",
    -3.0,
    3.0,
    (
        (0.0, "#67001F"),
        (0.2, "#B2182B"),
        (0.35, "#F4A582"),
        (0.5, "#F7F7F7"),
        (0.65, "#92C5DE"),
        (0.8, "#2166AC"),
        (1.0, "#053061"),
    ),
)
"""Inward red, outward blue, by ColorBrewer's RdBu (Harrower and Brewer, Cartogr J 2003), which is
told apart with any common colour vision; condyles resorb by 1 to 3 mm."""
