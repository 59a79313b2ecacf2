"""TOML tables read strictly: an unknown, missing or ill-typed key is an error that names it.

A file may name another with ``base = "other.toml"`` (relative to itself): its tables are laid
over that file's, key by key. The models are pydantic's (``negvol_cli.strict``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from negvol_cli.strict import Table, fault_in, with_tuples

__all__ = [
    "AtLeastOne",
    "ConfigError",
    "Count",
    "NotNegative",
    "Positive",
    "Range",
    "Share",
    "Table",
    "build",
    "merged",
    "read_layers",
    "read_toml",
]

Share = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]
Range = tuple[float, float]


class ConfigError(ValueError):
    """A file of settings is wrong; the message names the key, the value and what is allowed."""


Built = TypeVar("Built", bound=Table)


def build(kind: type[Built], table: object, where: str = "") -> Built:
    """The model ``kind`` of a TOML table; ``where`` is put before each key in errors.

    Raises ConfigError with the first fault: unknown keys come before missing ones, since a
    misspelt key is both.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where.rstrip('.') or 'the file'} must be a table, got {table!r}")
    try:
        return kind.model_validate(with_tuples(table))
    except ValidationError as err:
        raise ConfigError(fault_in(err, kind, table, where)) from err


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The tables of a TOML file, which is called ``what`` in errors. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"cannot read the {what} {path}: {err}") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path} is not TOML: {err}") from err


def read_layers(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of an experiment's file, laid over those of its base. Raises ConfigError."""
    if path.resolve() in seen:
        raise ConfigError(f"base: {path} is laid over itself")
    table = read_toml(path, "experiment")
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise ConfigError(f"base must be of type str, got {base!r}")
    return merged(read_layers(path.parent / base, (*seen, path.resolve())), table)


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One set of tables laid over another, key by key."""
    tables = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
        tables[key] = merged(under[key], value) if both else value
    return tables
