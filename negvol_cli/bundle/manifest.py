"""What a bundle of models says of itself: the strict reading of ``bundle.toml``, schema 1.

Every key below is required unless marked optional, and any other key is an error::

    schema = 1
    name = "default"                   # letters, digits, . _ - (it becomes a folder's name)
    version = "0.1.0"                  # likewise
    licence = "GPL-3.0-or-later"

    [[sources]]                        # the training data, at least one
    name = "Visible Human"
    licence = "public domain"
    reference = "National Library of Medicine"      # may be ""

    [[accuracy]]                       # what was measured, at least one
    measure = "Dice"
    of = "condyle"
    value = 0.93
    unit = ""                          # "", "mm", "percent", ...
    how = "3-fold cross-validation over 7 heads"

    [[models]]                         # one localiser; one segmenter, or one per object
    role = "localiser"                 # or "segmenter"
    file = "localiser.onnx"            # a plain name, beside bundle.toml
    sha256 = "..."                     # of the file, lower-case hex
    spacing_mm = 4.0                   # isotropic
    size = [64, 64, 64]                # voxels, z y x: a cube
    window_hu = [-1000.0, 2000.0]      # mapped to [-1, 1] and clipped (preprocess.normalise)
    channels = ["right", "left"]       # of the output; segmenter: condyle, temporal_bone
    input = "image"                    # ONNX input, float32 [1, 1, z, y, x]
    output = "probabilities"           # ONNX output, float32 [1, channels, z, y, x] in [0, 1]

Segmenters give each object once between them, each at its own spacing and size. Shapes are fixed,
sigmoid or softmax is inside the model, and so are its weights (no external data).
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from negvol_cli.errors import ModelError

SCHEMA: Final = 1
MANIFEST_NAME: Final = "bundle.toml"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Role(StrEnum):
    """What a network of a bundle is for."""

    LOCALISER = "localiser"
    SEGMENTER = "segmenter"


CHANNELS: Final[Mapping[Role, frozenset[str]]] = {
    Role.LOCALISER: frozenset({"right", "left"}),
    Role.SEGMENTER: frozenset({"condyle", "temporal_bone"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One network: its file, what it wants to see and what it answers."""

    role: Role
    file: str
    sha256: str
    spacing_mm: float
    size_zyx: tuple[int, int, int]
    window_hu: tuple[float, float]
    channels: tuple[str, ...]
    input: str
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Data that the networks were trained on."""

    name: str
    licence: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """A measured accuracy: ``measure`` ``of`` something is ``value`` ``unit``, measured ``how``."""

    measure: str
    of: str
    value: float
    unit: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All of ``bundle.toml``."""

    name: str
    version: str
    licence: str
    sources: tuple[Source, ...]
    accuracy: tuple[Accuracy, ...]
    models: tuple[ModelSpec, ...]

    @property
    def title(self) -> str:
        """Name and version, as reports give them."""
        return f"{self.name} {self.version}"


def parse_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in ``content``; ``where`` names the file in errors.

    Raises ModelError that names the key or value that is not as it must be.
    """
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise ModelError(f"{where} is not a TOML file: {err}; get the bundle again") from err
    if data.get("schema") != SCHEMA or isinstance(data["schema"], bool):
        raise ModelError(
            f"{where} has schema {data.get('schema')!r} where this version of negvol reads "
            f"schema {SCHEMA}; use a bundle made for this version"
        )
    table = _Table(
        data,
        where,
        ("schema", "name", "version", "licence", "sources", "accuracy", "models"),
        optional=("expected_error",),  # of bundles for 0.1: each scan states its own intervals now
    )
    manifest = Manifest(
        name=table.plain("name"),
        version=table.plain("version"),
        licence=table.text("licence"),
        sources=tuple(_source(t) for t in table.tables("sources", _SOURCE)),
        accuracy=tuple(_accuracy(t) for t in table.tables("accuracy", _ACCURACY)),
        models=tuple(_model(t) for t in table.tables("models", _MODEL)),
    )
    _check_roles(manifest.models, where)
    return manifest


_SOURCE = ("name", "licence", "reference")
_ACCURACY = ("measure", "of", "value", "unit", "how")
_MODEL = (
    *("role", "file", "sha256", "spacing_mm", "size", "window_hu", "channels"),
    *("input", "output"),
)


class _Table:
    """A TOML table whose keys are exactly those expected; its getters check each value."""

    def __init__(
        self, data: object, where: str, keys: Sequence[str], *, optional: Sequence[str] = ()
    ) -> None:
        if not isinstance(data, dict):
            raise ModelError(f"{where} must be a table, not {data!r}")
        if missing := [key for key in keys if key not in data]:
            raise ModelError(f"{where} lacks the key {missing[0]!r}")
        if unknown := [key for key in data if key not in (*keys, *optional)]:
            raise ModelError(f"{where} has the unknown key {unknown[0]!r}")
        self._data: dict[str, Any] = data
        self.where = where

    def wrong(self, key: str, wanted: str) -> ModelError:
        """The error for a value that is not as it must be."""
        return ModelError(f"{key!r} in {self.where} is {self._data[key]!r} but must be {wanted}")

    def text(self, key: str, *, empty: bool = False) -> str:
        value = self._data[key]
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self.wrong(key, "a text")
        return value

    def plain(self, key: str) -> str:
        value = self.text(key)
        if not _PLAIN.fullmatch(value) or len(value) > 100:
            raise self.wrong(key, "made of letters, digits and . _ - (100 at most)")
        return value

    def number(self, key: str, *, low: float = -math.inf) -> float:
        value = self._data[key]
        if not _is_number(value) or value < low:
            raise self.wrong(key, "a number" if low == -math.inf else f"a number from {low:g}")
        return float(value)

    def items(self, key: str, kind: str) -> list[Any]:
        value = self._data[key]
        if not isinstance(value, list) or not value:
            raise self.wrong(key, f"a list of {kind}")
        return value

    def tables(self, key: str, keys: Sequence[str]) -> list[_Table]:
        items = self.items(key, "tables")
        return [_Table(t, f"{key}[{i}] of {self.where}", keys) for i, t in enumerate(items)]


def _source(table: _Table) -> Source:
    return Source(
        name=table.text("name"),
        licence=table.text("licence"),
        reference=table.text("reference", empty=True),
    )


def _accuracy(table: _Table) -> Accuracy:
    return Accuracy(
        measure=table.text("measure"),
        of=table.text("of"),
        value=table.number("value"),
        unit=table.text("unit", empty=True),
        how=table.text("how"),
    )


def _model(table: _Table) -> ModelSpec:
    role = table.text("role")
    if role not in set(Role):
        raise table.wrong("role", " or ".join(repr(str(r)) for r in Role))
    file = table.plain("file")
    if not file.endswith(".onnx"):
        raise table.wrong("file", "a name that ends in .onnx")
    sha256 = table.text("sha256")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise table.wrong("sha256", "64 lower-case hexadecimal digits")
    size = table.items("size", "three whole numbers")
    if len(size) != 3 or not all(type(n) is int and 8 <= n <= 512 for n in size):
        raise table.wrong("size", "three whole numbers from 8 to 512, in z, y, x order")
    if len(set(size)) != 1:
        raise table.wrong("size", "the same along each axis: networks see cubes")
    window = table.items("window_hu", "two numbers")
    if len(window) != 2 or not all(map(_is_number, window)) or window[0] >= window[1]:
        raise table.wrong("window_hu", "two rising numbers")
    if (spacing_mm := table.number("spacing_mm")) <= 0:
        raise table.wrong("spacing_mm", "a number above 0")
    return ModelSpec(
        role=Role(role),
        file=file,
        sha256=sha256,
        spacing_mm=spacing_mm,
        size_zyx=(size[0], size[1], size[2]),
        window_hu=(float(window[0]), float(window[1])),
        channels=_channels(table, Role(role)),
        input=table.text("input"),
        output=table.text("output"),
    )


def _channels(table: _Table, role: Role) -> tuple[str, ...]:
    channels = table.items("channels", "texts")
    known = CHANNELS[role]
    if len(set(map(str, channels))) != len(channels) or not all(c in known for c in channels):
        raise table.wrong("channels", f"different names out of {', '.join(sorted(known))}")
    return tuple(channels)


def _check_roles(models: Sequence[ModelSpec], where: str) -> None:
    """One localiser; every channel of a role given exactly once."""
    for role, wanted in CHANNELS.items():
        given = sorted(c for model in models if model.role is role for c in model.channels)
        if given != sorted(wanted):
            raise ModelError(
                f"the {role} models of {where} give the channels {given} "
                f"but must give {sorted(wanted)}, each once"
            )
    if sum(model.role is Role.LOCALISER for model in models) != 1:
        raise ModelError(f"{where} has more than one localiser but must have one")
    if len({model.file for model in models}) != len(models):
        raise ModelError(f"two models in {where} name the same file")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
