"""The file that data are packed into: arrays, and one JSON text that says what they are.

It is NumPy's ``.npz``, compressed; nothing is pickled. A file holds joints (``pack``) or whole
heads (``head_pack``).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import uuid4

import numpy as np

from negvol_cli.geometry.grid import Grid, vector
from training.tables import ConfigError

Answer = TypeVar("Answer")
Kind = Literal["joints", "heads"]

SCHEMA: Final = 2
COMMANDS: Final[Mapping[Kind, str]] = {
    "joints": "python -m training pack",
    "heads": "python -m training pack --heads",
}


def write_arrays(path: Path, about: Mapping[str, Any], arrays: Mapping[str, Any]) -> int:
    """Write one file, whole or not at all; its bytes.

    ``about["joints"]``, or ``about["heads"]``, is a list with a dict for each, which names its
    ``head``; ``about["folds"]`` are the heads that the dataset itself holds out.
    """
    text = np.array(json.dumps({"schema": SCHEMA, **about}))
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        np.savez_compressed(partial, about=text, **arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


def opened(path: Path, kind: Kind, ask: Callable[[Any, dict[str, Any]], Answer]) -> Answer:
    """What ``ask`` makes of a file's arrays and of what it says about them.

    Raises ConfigError where the file cannot be read, or holds something else than ``kind``.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if about["schema"] != SCHEMA:
                raise ConfigError(
                    f"{path} was packed as schema {about['schema']}, not {SCHEMA}: pack it again"
                )
            for other in COMMANDS:
                if other in about and kind not in about:
                    raise ConfigError(
                        f"{path} holds packed {other}, not {kind}: make a pack of {kind} with "
                        f"`{COMMANDS[kind]}`"
                    )
            return ask(file, about)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as err:
        if isinstance(err, ConfigError):
            raise
        raise ConfigError(
            f"{path} cannot be read as packed {kind} ({err}): make it with `{COMMANDS[kind]}`"
        ) from err


def heads_in_pack(path: Path, kind: Kind) -> list[str]:
    """The heads with a scan in a file, in order. Raises ConfigError."""
    return opened(
        path, kind, lambda _, about: sorted({e["head"] for e in about[kind] if e.get("ct", True)})
    )


def folds_in_pack(path: Path, kind: Kind) -> tuple[tuple[str, ...], ...]:
    """The heads that the packed dataset itself holds out, fold by fold. Raises ConfigError."""
    return opened(path, kind, lambda _, about: tuple(tuple(fold) for fold in about["folds"]))


def grid_entry(grid: Grid) -> dict[str, Any]:
    """A grid as JSON can hold it."""
    return {
        "size": grid.size_xyz,
        "spacing_mm": grid.spacing_mm_xyz,
        "origin_mm": grid.origin_mm_xyz,
        "direction": grid.direction,
    }


def grid_of(entry: dict[str, Any]) -> Grid:
    """What ``grid_entry`` was given."""
    x, y, z = entry["size"]
    direction = tuple(float(value) for value in entry["direction"])
    return Grid((x, y, z), vector(entry["spacing_mm"]), vector(entry["origin_mm"]), direction)
