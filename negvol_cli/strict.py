"""Tables read strictly: an unknown, missing or ill-typed key is an error that names it.

pydantic parses manifests, reports and training's configurations alike; what it finds wrong is said
here in one sentence, with the key as it stands in the file, the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError


class Table(BaseModel):
    """A table whose keys are all known and of their own types, and which nobody changes.

    A field's description, where it has one, follows "must be" in errors. What a validator raises is
    a sentence of its own, in which ``{table}`` stands for the place of its table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_TYPES = {"int_type": "int", "float_type": "float", "string_type": "str", "bool_type": "bool"}
_LIMITS = {
    "greater_than_equal": ("ge", "{:g} or more"),
    "greater_than": ("gt", "above {:g}"),
    "less_than_equal": ("le", "{:g} or less"),
    "less_than": ("lt", "below {:g}"),
}
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def with_tuples(value: object) -> Any:
    """Lists, at any depth, as the tuples that frozen tables hold."""
    if isinstance(value, Mapping):
        return {key: with_tuples(item) for key, item in value.items()}
    return tuple(with_tuples(item) for item in value) if isinstance(value, list) else value


def fault_in(
    error: ValidationError, kind: type[BaseModel], table: Mapping[str, Any], where: str = ""
) -> str:
    """The first fault of a ``table`` of ``kind`` in a sentence, ``where`` before each of its keys.

    Unknown keys come before missing ones, since a misspelt key is both.
    """
    faults = error.errors(include_url=False)
    fault = min(faults, key=lambda fault: fault["type"] not in _UNKNOWN)
    place, what, context = fault["loc"], fault["type"], fault.get("ctx", {})
    key = where + _dotted(place)
    if what == "value_error":
        return str(context["error"]).replace("{table}", key)
    if what in _UNKNOWN:
        return f"unknown key {key}{_allowed(kind, place)}"
    if what == "missing" and not isinstance(place[-1], int):
        return f"missing key {key}"
    whole = _named(place)
    if description := _described(kind, whole):
        return f"{where}{_dotted(whole)} must be {description}, got {_plain(_at(table, whole))}"
    given = _plain(fault["input"])
    if what == "missing":
        lacking = sum(f["type"] == "missing" and f["loc"][:-1] == place[:-1] for f in faults)
        count = len(fault["input"]) + lacking
        return f"{where}{_dotted(place[:-1])} must hold {count} values, got {given}"
    if what == "too_long":
        return f"{key} must hold {context['max_length']} values, got {given}"
    return f"{key} must be {_wanted(what, context, fault['msg'])}, got {given}"


def _wanted(what: str, context: Mapping[str, Any], message: str) -> str:
    """What should have stood there, to follow "must be"."""
    if what in _TYPES:
        return f"of type {_TYPES[what]}"
    if what in _LIMITS:
        name, text = _LIMITS[what]
        return text.format(context[name])
    if what in ("literal_error", "enum"):
        return str(context["expected"])
    return {"tuple_type": "a list", "model_type": "a table", "dict_type": "a table"}.get(
        what, f"right ({message.lower()})"
    )


def _plain(value: object) -> str:
    """A value as it stands in a file."""
    if isinstance(value, float):
        return f"{value:g}"
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def _dotted(place: Sequence[int | str]) -> str:
    """``("augment", "looks", 1, "share")`` as ``augment.looks[1].share``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _named(place: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place of the key in whose value ``place`` lies."""
    last = max(i for i, part in enumerate(place) if isinstance(part, str))
    return place[: last + 1]


def _at(table: Any, place: Sequence[int | str]) -> Any:
    for part in place:
        table = table[part]
    return table


def _allowed(kind: type[BaseModel], place: Sequence[int | str]) -> str:
    holder = _model_at(kind, place)
    if holder is None:
        return ""
    names = (field.alias or name for name, field in holder.model_fields.items())
    return f"; allowed are {', '.join(names)}"


def _described(kind: type[BaseModel], place: Sequence[int | str]) -> str:
    """The description of the field at ``place``; "" for none."""
    holder = _model_at(kind, place)
    for name, field in holder.model_fields.items() if holder else ():
        if place[-1] in (name, field.alias):
            return field.description or ""
    return ""


def _model_at(kind: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel] | None:
    """The model whose key ``place`` is; None where it is no model's."""
    for part in place[:-1]:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
            inner = _model_in(fields[part].annotation)
            if inner is None:
                return None
            kind = inner
    return kind


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``Model`` or ``tuple[Model, ...]``, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
