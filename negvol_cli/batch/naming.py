"""One name for each scan of a batch, unique in all of it and the same in every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from negvol_cli.io.result_names import DIGITS, folded, is_reserved, plain_name, with_digits

_DIGITS: Final = (0, DIGITS, 2 * DIGITS, 4 * DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a scan would be called, and what no other scan of the batch has: its path, say."""

    wanted: str
    identity: str


def unique_names(claims: Sequence[Claim]) -> list[str]:
    """A name for each claim: the wanted one or, where it cannot be had, one ended by digits.

    It cannot be had where it is reserved or holds what a name must not, and where two would get
    one name, also on a file system that knows no capitals. The digits depend on the identity alone.
    After every change all names are compared again, because a name with digits may be that which
    somebody gave to another scan. Raises ValueError where two claims have one identity.
    """
    if len({claim.identity for claim in claims}) < len(claims):
        raise ValueError("two scans of a batch have one identity")
    names = [plain_name(claim.wanted) for claim in claims]
    steps = [
        int(name != claim.wanted or is_reserved(name))
        for name, claim in zip(names, claims, strict=True)
    ]
    while True:
        found = [
            with_digits(name, claim.identity, _DIGITS[step]) if step else name
            for name, claim, step in zip(names, claims, steps, strict=True)
        ]
        taken = Counter(map(folded, found))
        crowded = [i for i, name in enumerate(found) if taken[folded(name)] > 1]
        if not crowded:
            return found
        for i in crowded:  # whoever has all digits already stays; no two of them are alike
            steps[i] = min(steps[i] + 1, len(_DIGITS) - 1)
