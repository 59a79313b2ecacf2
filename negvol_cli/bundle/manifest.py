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

import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from negvol_cli.errors import ModelError
from negvol_cli.strict import Table, fault_in, with_tuples

SCHEMA: Final = 1
MANIFEST_NAME: Final = "bundle.toml"
LATER_DROPPED: Final = ("expected_error",)
"""Of bundles for 0.1, read over: each scan states its own intervals now."""

Text = Annotated[str, Field(pattern=r"\S", description="a text")]
AnyText = Annotated[str, Field(description="a text")]
Number = Annotated[float, Field(allow_inf_nan=False, description="a number")]
PlainName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="made of letters, digits and . _ - (100 at most)",
    ),
]
Side = Annotated[int, Field(ge=8, le=512)]


class Role(StrEnum):
    """What a network of a bundle is for."""

    LOCALISER = "localiser"
    SEGMENTER = "segmenter"


CHANNELS: Final[Mapping[Role, frozenset[str]]] = {
    Role.LOCALISER: frozenset({"right", "left"}),
    Role.SEGMENTER: frozenset({"condyle", "temporal_bone"}),
}


class ModelSpec(Table):
    """One network: its file, what it wants to see and what it answers."""

    model_config = ConfigDict(populate_by_name=True)  # of code; a file says "size"

    role: Annotated[Role, Field(strict=False, description="'localiser' or 'segmenter'")]
    file: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$",
            max_length=100,
            description="a plain name that ends in .onnx",
        ),
    ]
    sha256: Annotated[
        str, Field(pattern=r"^[0-9a-f]{64}$", description="64 lower-case hexadecimal digits")
    ]
    spacing_mm: Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
    size_zyx: Annotated[
        tuple[Side, Side, Side],
        Field(alias="size", description="three whole numbers from 8 to 512, in z, y, x order"),
    ]
    window_hu: Annotated[tuple[Number, Number], Field(description="two rising numbers")]
    channels: Annotated[tuple[str, ...], Field(min_length=1, description="a list of names")]
    input: Text
    output: Text

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.size_zyx)) != 1:
            given = list(self.size_zyx)
            raise ValueError(f"{{table}}.size must be a cube, as networks see them, got {given}")
        if self.window_hu[0] >= self.window_hu[1]:
            low, high = self.window_hu
            raise ValueError(f"{{table}}.window_hu must rise, got {low:g} and {high:g}")
        known = CHANNELS[self.role]
        if len(set(self.channels)) != len(self.channels) or not known.issuperset(self.channels):
            raise ValueError(
                f"{{table}}.channels must be different names out of {', '.join(sorted(known))}, "
                f"got {list(self.channels)}"
            )
        return self


class Source(Table):
    """Data that the networks were trained on."""

    name: Text
    licence: Text
    reference: AnyText


class Accuracy(Table):
    """A measured accuracy: ``measure`` ``of`` something is ``value`` ``unit``, measured ``how``."""

    measure: Text
    of: Text
    value: Number
    unit: AnyText
    how: Text


class Manifest(Table):
    """All of ``bundle.toml`` but its schema."""

    name: PlainName
    version: PlainName
    licence: Text
    sources: Annotated[tuple[Source, ...], Field(min_length=1, description="a list of tables")]
    accuracy: Annotated[tuple[Accuracy, ...], Field(min_length=1, description="a list of tables")]
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1, description="a list of tables")]

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
    schema = data.pop("schema", None)
    if schema != SCHEMA or isinstance(schema, bool):
        raise ModelError(
            f"{where} has schema {schema!r} where this version of negvol reads "
            f"schema {SCHEMA}; use a bundle made for this version"
        )
    for name in LATER_DROPPED:
        data.pop(name, None)
    try:
        manifest = Manifest.model_validate(with_tuples(data))
    except ValidationError as err:
        raise ModelError(f"{where}: {fault_in(err, Manifest, data)}; get the bundle again") from err
    _check_roles(manifest.models, where)
    return manifest


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
