"""Which bone, and which side, a segment's name means.

Editors give segments other numbers, and people other names: "Condyle_1", "R condyle", "os
temporale". A name is taken where it can mean one bone only.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from negvol_cli.structures import Label, Side

_WORDS: Final = {
    Label.CONDYLE: ("condyl", "kondyl", "condil", "mandib", "мыщел", "下颌", "髁"),
    Label.TEMPORAL_BONE: ("temporal", "schlafenbein", "fossa", "eminen", "височн", "颞骨"),
    Label.NEGATIVE_VOLUME: ("negative volume", "negatives volumen"),
}
"""Parts of what the bones are called in English, German, Latin, Romance languages, Russian and
Chinese; of a mandible, the condyle is what is seen."""
_SIDES: Final = {
    Side.RIGHT: ("right", "rechts", "rechter", "droit", "droite", "derecho", "dexter", "r"),
    Side.LEFT: ("left", "links", "linker", "gauche", "izquierdo", "sinister", "l"),
}


def label_of_name(name: str) -> Label | None:
    """The structure that a name means; None where it means none, or may mean two."""
    said = _plain(name)
    meant = [label for label, words in _WORDS.items() if any(word in said for word in words)]
    return meant[0] if len(meant) == 1 else None


def side_of_name(name: str) -> Side | None:
    """The side that a name states; None where it states none, or both."""
    said = set(re.split(r"[^\w]+|_|\d+", _plain(name)))
    meant = [side for side, words in _SIDES.items() if said & set(words)]
    return meant[0] if len(meant) == 1 else None


def _plain(name: str) -> str:
    """Small letters without accents, a space for every mark between words."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(c for c in bare if not unicodedata.combining(c))
    return re.sub(r"[\s_\-.]+", " ", kept).strip()
