"""Whether a fix belongs to a joint: where its outlines lie, compared with the automatic ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from negvol_cli.errors import InputError
from negvol_cli.report import Status
from negvol_cli.structures import Label, Side

Labels = npt.NDArray[np.uint8]

LEAST_DICE: Final = 0.5
"""Outlines of two people, or of a person and a network, overlap to over 0.85 (docs/accuracy.md);
another patient's joint, or the same one mirrored, to 0.1 to 0.4."""
MUCH_BETTER: Final = 0.1
"""By what outlines must fit better exchanged or mirrored: put right, they gain at least 0.45, from
0.4 to 0.85 (``LEAST_DICE``)."""
MOST_LOST: Final = 0.4
MOST_GAINED: Final = 1.0
"""Of a bone that was measured: more is no correction of its outline, but a part deleted or filled.
Outlines that overlap to 0.85 in Dice differ by 26 % of the bone at most, lost, or 35 %, gained."""
_BONES: Final = {Label.CONDYLE: "condyle", Label.TEMPORAL_BONE: "temporal bone"}


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A joint's labels by the fix and by the program, on one grid [z, y, x] in LPS order.

    ``edited_zyx`` says where they differ; ``sound`` whether the automatic ones were measured;
    ``beyond_mm3`` how much of the fix lies beyond what can be edited.
    """

    side: Side
    fixed_zyx: Labels
    automatic_zyx: Labels
    edited_zyx: npt.NDArray[np.bool_]
    sound: bool
    beyond_mm3: float = 0.0


def was_measured(status: Status) -> bool:
    """Whether a joint's outlines passed the program's own checks."""
    return status in (Status.OK, Status.CUT)


def refuse_what_does_not_fit(held: Held, path: Path) -> None:
    """Raise InputError for outlines that cannot be a correction of the automatic ones.

    Where the program itself refused the joint, only empty outlines and exchanged ones are.
    """
    for label, name in _BONES.items():
        if not (held.fixed_zyx == label).any() and (held.automatic_zyx == label).any():
            raise InputError(f"{path} has no {name} at the {held.side} joint: draw it, or undo")
    if not held.edited_zyx.any():
        return
    own = _overlap(held.fixed_zyx, held.automatic_zyx)
    exchanged = np.array([0, 2, 1, 0], dtype=np.uint8)[held.fixed_zyx]
    if _overlap(exchanged, held.automatic_zyx) > own + MUCH_BETTER:
        raise InputError(
            f"{path} has condyle and temporal bone of the {held.side} joint exchanged: give the "
            "condyle its own name or number again (1 condyle, 2 temporal bone)"
        )
    if not held.sound:
        return
    for axes, way in _flips():
        if _overlap(np.flip(held.fixed_zyx, axes), held.automatic_zyx) > own + MUCH_BETTER:
            raise InputError(
                f"{path} shows the {held.side} joint mirrored {way}: save it without changing its "
                "orientation"
            )
    for label, name in _BONES.items():
        _refuse_unlike(held, label, name, path)


def _refuse_unlike(held: Held, label: Label, name: str, path: Path) -> None:
    fixed, automatic = held.fixed_zyx == label, held.automatic_zyx == label
    if not automatic.any():
        return
    dice = _dice(fixed, automatic)
    if dice < LEAST_DICE:
        raise InputError(
            f"{path}: its {name} hardly lies on that of the {held.side} joint (Dice {dice:.2f}), "
            "so that it may be another scan's: give the corrected file of this result"
        )
    lost = float((automatic & ~fixed).sum() / automatic.sum())
    gained = float((fixed & ~automatic).sum() / automatic.sum())
    if lost > MOST_LOST or gained > MOST_GAINED:
        what = f"lacks {lost:.0%} of" if lost > MOST_LOST else f"adds {gained:.0%} to"
        raise InputError(
            f"{path} {what} the {name} of the {held.side} joint, as if a part had been deleted or "
            "filled by mistake: give the whole bone"
        )


def _flips() -> Iterator[tuple[tuple[int, ...], str]]:
    yield (2,), "from left to right"
    yield (1,), "from front to back"
    yield (0,), "upside down"
    yield (1, 2), "from left to right and from front to back"


def _overlap(one: Labels, other: Labels) -> float:
    """The mean Dice of both bones."""
    return float(np.mean([_dice(one == label, other == label) for label in _BONES]))


def _dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    total = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / total if total else 0.0
