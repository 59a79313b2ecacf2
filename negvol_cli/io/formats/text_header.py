"""Headers that are lines of text, a field in each: NRRD's and MetaImage's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from negvol_cli.errors import InputError
from negvol_cli.geometry.placement import Matrix
from negvol_cli.io.formats.streams import ByteStream

_MOST_BYTES: Final = 2**24  # 3D Slicer writes a segmentation's terminology into its header
_STEP_BYTES: Final = 2**16


def read_lines(stream: ByteStream, path: Path, ends: Callable[[str], bool]) -> list[str]:
    """The lines of a header without their ends, up to the first for which ``ends`` is true.

    That line is the last one given; the voxels follow it. Lines are UTF-8 or else Latin-1, which
    older programs for Windows write. Raises InputError for a header of over 16 MiB.
    """
    lines: list[str] = []
    while True:
        raw = _line(stream, path)
        if not raw:
            return lines
        lines.append(_text(raw).rstrip("\r\n"))
        if ends(lines[-1]):
            return lines
        if stream.at > _MOST_BYTES:
            raise _endless(path)


def fields_of(pairs: Iterable[tuple[str, str]], path: Path) -> Mapping[str, str]:
    """Fields by their names; InputError where one is given twice with different values."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if fields.setdefault(name, value) != value:
            raise InputError(
                f'{path} gives the field "{name}" twice, with different values: correct its header '
                "or export it again"
            )
    return fields


def stated(fields: Mapping[str, str], path: Path, *names: str) -> str:
    """The value of a field that may have several names.

    Raises InputError, with the field's first name, where the file does not state it or states two
    values.
    """
    values = {name: fields[name] for name in names if fields.get(name, "") != ""}
    if not values:
        raise InputError(
            f'{path} does not state its "{names[0]}", and a guess could be wrong: export it again '
            "with a complete header"
        )
    if len({" ".join(value.split()).lower() for value in values.values()}) > 1:
        different = " and ".join(f"{name} = {value}" for name, value in values.items())
        raise InputError(f"{path} contradicts itself ({different}): correct its header")
    return next(iter(values.values()))


def numbers(text: str, count: int, name: str) -> Matrix:
    """``count`` finite numbers. Raises ValueError, with the field's name, for anything else."""
    try:
        found = np.array([float(word) for word in text.split()])
    except ValueError:
        found = np.array([np.nan])
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(f'"{name}" does not contain {count} numbers')
    return found


def whole_numbers(text: str, name: str) -> tuple[int, ...]:
    """Whole numbers. Raises ValueError, with the field's name, for anything else."""
    try:
        return tuple(int(word) for word in text.split())
    except ValueError as err:
        raise ValueError(f'"{name}" does not contain whole numbers') from err


def beside(name: str, path: Path) -> str:
    """The name of a data file, which must lie beside its header.

    Whatever else a header names, it is not opened: a header from elsewhere could make any file of
    this machine its voxels. Raises InputError.
    """
    while name.startswith(("./", ".\\")):  # by NRRD's definition: from the header's own folder
        name = name[2:]
    if not name or name in {".", ".."} or any(c in name for c in '/\\:"\0'):
        raise InputError(
            f"{path} keeps its voxels elsewhere than in a file beside it: put both files into one "
            "folder and name the data in the header without any folder"
        )
    spelt = [name]
    with suppress(UnicodeError):  # Latin-1 on the disk, as Python spells it
        spelt.append(os.fsdecode(name.encode("latin-1")))
    return next((each for each in spelt if (path.parent / each).exists()), name)


def _line(stream: ByteStream, path: Path) -> bytes:
    """The next line with its end."""
    length = _STEP_BYTES
    while True:
        ahead = stream.peek(length)
        end = ahead.find(b"\n")
        if end >= 0 or len(ahead) < length:
            return stream.take(end + 1 if end >= 0 else len(ahead))
        if length >= _MOST_BYTES:
            raise _endless(path)
        length *= 2


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _endless(path: Path) -> InputError:
    return InputError(
        f"{path} has no end of its header within {_MOST_BYTES >> 20} MiB, so it is not an image, "
        "or damaged: export it again"
    )
