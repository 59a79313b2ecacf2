"""TOML tables read strictly: an unknown, missing or ill-typed key is an error that names it.

A file may name another with ``base = "other.toml"`` (relative to itself): its tables are laid
over that file's, key by key. The models are pydantic's; what it finds wrong is said in one
sentence, with the key as it stands in the file, the value and what is allowed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class ConfigError(ValueError):
    """A file of settings is wrong; the message names the key, the value and what is allowed."""


class Table(BaseModel):
    """A TOML table whose keys are all known, and which nobody changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Built = TypeVar("Built", bound=Table)

_TYPES = {"int_type": "int", "float_type": "float", "string_type": "str", "bool_type": "bool"}
_LIMITS = {
    "greater_than_equal": ("ge", "{:g} or more"),
    "greater_than": ("gt", "above {:g}"),
    "less_than_equal": ("le", "{:g} or less"),
    "less_than": ("lt", "below {:g}"),
}


def build(kind: type[Built], table: object, where: str = "") -> Built:
    """The model ``kind`` of a TOML table; ``where`` is put before each key in errors.

    Raises ConfigError with the first fault: unknown keys come before missing ones, since a
    misspelt key is both.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where.rstrip('.') or 'the file'} must be a table, got {table!r}")
    try:
        return kind.model_validate(_with_tuples(table))
    except ValidationError as err:
        faults = err.errors(include_url=False)
        faults.sort(key=lambda fault: fault["type"] != "extra_forbidden")
        raise ConfigError(_sentence(faults[0], faults, kind, where)) from err


def _with_tuples(value: object) -> Any:
    """TOML's lists as the tuples that frozen models hold."""
    if isinstance(value, Mapping):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list) else value


def _sentence(
    fault: ErrorDetails, faults: list[ErrorDetails], kind: type[Table], where: str
) -> str:
    place, what, given = fault["loc"], fault["type"], fault["input"]
    key = where + _dotted(place)
    context = fault.get("ctx", {})
    if what == "value_error":
        return str(context["error"])
    if what == "extra_forbidden":
        fields = _model_at(kind, place).model_fields.items()
        return f"unknown key {key}; allowed are {', '.join(f.alias or name for name, f in fields)}"
    if what == "missing" and isinstance(place[-1], int):
        lacking = sum(f["type"] == "missing" and f["loc"][:-1] == place[:-1] for f in faults)
        key, many = where + _dotted(place[:-1]), len(given) + lacking
        return f"{key} must hold {many} values, got {list(given)}"
    if what == "missing":
        return f"missing key {key}"
    if what == "too_long":
        return f"{key} must hold {context['max_length']} values, got {list(given)}"
    return f"{key} must be {_wanted(what, context, fault['msg'])}, got {_plain(given)}"


def _wanted(what: str, context: Mapping[str, Any], message: str) -> str:
    """What should have stood there, to follow "must be"."""
    if what in _TYPES:
        return f"of type {_TYPES[what]}"
    if what in _LIMITS:
        name, text = _LIMITS[what]
        return text.format(context[name])
    if what == "literal_error":
        return str(context["expected"])
    return {"tuple_type": "a list", "model_type": "a table", "dict_type": "a table"}.get(
        what, f"right ({message.lower()})"
    )


def _plain(value: object) -> str:
    """A value as it stands in a TOML file."""
    if isinstance(value, float):
        return f"{value:g}"
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _dotted(place: tuple[int | str, ...]) -> str:
    """``("augment", "looks", 1, "share")`` as ``augment.looks[1].share``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _model_at(kind: type[Table], place: tuple[int | str, ...]) -> type[Table]:
    """The model whose key ``place`` is."""
    for part in place[:-1]:
        if isinstance(part, str):
            kind = _model_in(kind.model_fields[part].annotation)
    return kind


def _model_in(annotation: Any) -> type[Table]:
    """The model in ``Model`` or ``tuple[Model, ...]``."""
    while not isinstance(annotation, type) or not issubclass(annotation, Table):
        annotation = get_args(annotation)[0]
    return annotation


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
