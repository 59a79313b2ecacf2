"""All heads of a dataset at 4 mm in one file, for the localiser: see ``pack_file``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Volume
from training.data.heads import HeadSample
from training.data.pack_file import grid_entry, grid_of, opened, write_arrays

STEP_HU: Final = 8
"""HU are rounded to this: 0.3 % of the localiser's window, less than the noise of most tiles; it
makes the file a third smaller."""


def write_head_pack(
    heads: Sequence[HeadSample], path: Path, folds: Sequence[Sequence[str]] = ()
) -> int:
    """Write heads to one file, whole or not at all; its bytes.

    ``folds`` are the patients that the dataset itself holds out.
    """
    arrays = {f"{index}-hu": _rounded(head.hu) for index, head in enumerate(heads)}
    entries = [
        {
            "head": head.head,
            "scan": head.scan,
            "centres_mm": head.centres_mm.tolist(),
            "grid": grid_entry(head.volume.grid),
        }
        for head in heads
    ]
    about = {"heads": entries, "folds": [list(fold) for fold in folds]}
    return write_arrays(path, about, arrays)


def read_head_pack(path: Path) -> list[HeadSample]:
    """The heads in a file. Raises ConfigError where it cannot be read or holds joints."""
    return opened(path, "heads", _heads)


def _heads(file: Any, about: dict[str, Any]) -> list[HeadSample]:
    return [
        HeadSample(
            entry["head"],
            Volume(file[f"{index}-hu"], grid_of(entry["grid"])),
            np.array(entry["centres_mm"]),
            entry["scan"],
        )
        for index, entry in enumerate(about["heads"])
    ]


def _rounded(hu: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    return np.asarray(np.round(hu / STEP_HU) * STEP_HU, dtype=np.int16)
