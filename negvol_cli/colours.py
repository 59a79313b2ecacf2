"""The colour of each structure, the same in every picture, mesh and table of labels.

The hues are those of Okabe and Ito (Color Universal Design, 2008), which people with any common
colour vision tell apart.
"""

from __future__ import annotations

from typing import Final

CONDYLE: Final = "#E69F00"
TEMPORAL_BONE: Final = "#56B4E9"
NEGATIVE_VOLUME: Final = "#CC79A7"
REFERENCE: Final = "#009E73"

TEMPORAL_BONE_SOLID: Final = "#A9B8C2"
"""The temporal bone where it is seen as a solid: grey with the hue of its line."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of ``#RRGGBB``."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
