"""One TOML file per experiment, read strictly: an unknown, missing or ill-typed key is an error.

A file may name another with ``base = "other.toml"`` (relative to itself): its tables are laid
over that file's, key by key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_type_hints

LOCALISER_SPACING_MM: Final = 4.0
"""Of the tiles that the localiser is taught on and its manifest names."""
NETWORK_KINDS: Final = ("light-unet", "fine-unet", "v-net", "u-net", "attention-u-net")
LOSS_NAMES: Final = ("ce", "dice", "dice+ce", "heat-focal")
OPTIMISERS: Final = ("adamw", "adam")
SCHEDULES: Final = ("one-cycle", "step")
CHANNELS: Final = {
    "joints": ("condyle", "temporal_bone"),
    "mc": ("condyle",),
    "tb": ("temporal_bone",),
    "nv": ("negative_volume",),
    "heads": ("right", "left"),
}
"""What each output channel of a network is, by the object it is trained for."""

Size = tuple[int, int, int]


class ConfigError(Exception):
    """The experiment's file is wrong; the message names the key, the value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Which network; ``channels`` per level from fine to coarse.

    ``levels`` are the probabilities, output by output, at which an object ends, where that is not
    one half: the finished network's answers are moved so that it is. They are chosen on heads that
    the network has not seen (``benchmarks/bone_level.py``).
    """

    kind: str = "light-unet"
    channels: tuple[int, ...] = (24, 48, 96, 128)
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _one_of("network.kind", self.kind, NETWORK_KINDS)
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ConfigError(f"network.channels must be two or more numbers, got {self.channels}")
        if not all(0 < level < 1 for level in self.levels):
            raise ConfigError(f"network.levels must lie between 0 and 1, got {list(self.levels)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What is learnt from.

    ``object`` is "mc", "tb", "nv" (the negative volume itself), "joints" (MC and TB together),
    all in joint frames, or "heads" (the localiser). ``size`` is the voxels that the finished
    network is run on, ``patch`` those that it is trained on: a side of a cube or [z, y, x].
    What is there to learn from is ``dataset``, a hospital's ``dataset.toml``, or, without one,
    ``folder``. ``phantoms`` is the number of phantom heads mixed in, ``phantom_share`` how often
    one is drawn.
    """

    object: str
    folder: str = "../shared/data"
    dataset: str = ""
    spacing_mm: float
    size: int | Size
    patch: int | Size
    window_hu: tuple[float, float]
    phantoms: int = 0
    phantom_share: float = 0.0

    def __post_init__(self) -> None:
        _one_of("data.object", self.object, CHANNELS)
        if self.window_hu[0] >= self.window_hu[1]:
            raise ConfigError(f"data.window_hu must rise, got {list(self.window_hu)}")
        if self.spacing_mm <= 0:
            raise ConfigError(f"data.spacing_mm must be above 0, got {self.spacing_mm:g}")
        for key, size in (("size", self.size_zyx), ("patch", self.patch_zyx)):
            _at_least(f"data.{key}", min(size), 8)
        if self.object == "heads" and len({*self.size_zyx, *self.patch_zyx}) > 2:
            raise ConfigError("data.size and data.patch must be cubes where data.object is 'heads'")
        if not 0 <= self.phantom_share <= 1:
            raise ConfigError(f"data.phantom_share must be 0 to 1, got {self.phantom_share:g}")
        if self.phantom_share > 0 and self.phantoms < 1:
            raise ConfigError("data.phantoms must be 1 or more where data.phantom_share is not 0")

    @property
    def size_zyx(self) -> Size:
        """Voxels that the finished network is run on."""
        return _cube(self.size)

    @property
    def patch_zyx(self) -> Size:
        """Voxels that the network is trained on."""
        return _cube(self.patch)

    @property
    def channels(self) -> tuple[str, ...]:
        """What each output channel of the network is."""
        return CHANNELS[self.object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How long and how fast.

    Every step takes ``batch`` images, over all processes and ``accumulate`` portions together.
    The one-cycle schedule runs over ``steps``; the step schedule multiplies the rate by
    ``schedule_factor`` every ``schedule_steps``. ``average`` is the decay of the weights' moving
    average, which becomes the network (0: the last weights). ``dice_weight`` and ``ce_weight``
    mix the loss "dice+ce"; ``foreground_weight`` is how much more a voxel of the object counts in
    the cross-entropy, channel by channel (none: 1). In the last ``settle_steps`` networks with
    batch normalisation use the averages that they gathered until then, as when they are run.

    With ``patience``, every ``validate_every`` steps the loss on the validation heads is looked
    at; training stops when it has not fallen by ``delta`` in ``patience`` looks, and the best
    weights are kept.
    """

    loss: str = "dice+ce"
    dice_weight: float = 1.0
    ce_weight: float = 1.0
    foreground_weight: tuple[float, ...] = ()
    seed: int = 1
    steps: int
    batch: int = 1
    accumulate: int = 1
    optimiser: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    schedule: str = "one-cycle"
    schedule_steps: int = 0
    schedule_factor: float = 0.1
    average: float = 0.99
    settle_steps: int = 0
    validate_every: int = 0
    patience: int = 0
    delta: float = 0.0
    checkpoint_every: int = 50
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        _one_of("train.loss", self.loss, LOSS_NAMES)
        _one_of("train.optimiser", self.optimiser, OPTIMISERS)
        _one_of("train.schedule", self.schedule, SCHEDULES)
        for key in ("steps", "batch", "accumulate", "checkpoint_every"):
            _at_least(f"train.{key}", getattr(self, key), 1)
        for key in (
            "dice_weight",
            "ce_weight",
            "settle_steps",
            "delta",
            "patience",
            "validate_every",
        ):
            _at_least(f"train.{key}", getattr(self, key), 0)
        if self.learning_rate <= 0:
            raise ConfigError(f"train.learning_rate must be above 0, got {self.learning_rate:g}")
        if not 0 <= self.average < 1:
            raise ConfigError(f"train.average must be 0 or more and below 1, got {self.average:g}")
        if self.batch % self.accumulate:
            raise ConfigError(
                f"train.accumulate must divide train.batch, {self.batch}, got {self.accumulate}"
            )
        if self.schedule == "step":
            _at_least("train.schedule_steps", self.schedule_steps, 1)
        if bool(self.patience) != bool(self.validate_every):
            raise ConfigError(
                "train.patience and train.validate_every must both be 0 or both be 1 or more, "
                f"got {self.patience} and {self.validate_every}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How far training images are varied; lengths in mm, greys in HU, angles in degrees.

    ``flips`` names the frame axes along which every other image is turned round; ``contrast`` is
    the largest change of contrast, as a logarithm. Without ``scanner`` no image is made to look
    as another scanner would have given it (voxels, kernel, streaks, noise, gain, offset).
    """

    rotation_deg: float = 15.0
    scale: float = 0.15
    shift_mm: float = 8.0
    elastic_mm: float = 2.0
    coarse_share: float = 0.7
    thickness_mm: float = 3.0
    noise_hu: float = 80.0
    grey_share: float = 0.7
    gain: float = 0.2
    offset_hu: float = 150.0
    cut_share: float = 0.15
    streak_share: float = 0.15
    cone_beam_share: float = 0.0
    upside_down_share: float = 0.0
    flips: tuple[str, ...] = ()
    contrast: float = 0.0
    scanner: bool = True

    def __post_init__(self) -> None:
        for flip in self.flips:
            _one_of("augment.flips", flip, ("x", "y", "z"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldsConfig:
    """Heads left out of training, fold by fold; both joints of a head are always together.

    Either the heads are named in ``held_out``, or all heads are dealt to ``count`` folds by the
    seed. ``validation`` heads of those trained on are set aside for early stopping. Heads in
    ``judged_only`` are judged with the others, but no training learns from them, nor stops by them:
    their annotation is known to be doubtful.
    """

    held_out: tuple[tuple[str, ...], ...] = ()
    count: int = 0
    validation: int = 0
    judged_only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        heads = [head for fold in self.held_out for head in fold]
        twice = sorted({head for head in heads if heads.count(head) > 1})
        if twice:
            raise ConfigError(f"folds.held_out must name a head once, got {twice[0]!r} again")
        if not all(self.held_out):
            raise ConfigError("folds.held_out must hold lists of one or more heads, got []")
        if self.held_out and self.count:
            raise ConfigError(f"folds.count must be 0 beside folds.held_out, got {self.count}")
        if self.count != 0:
            _at_least("folds.count", self.count, 2)
        _at_least("folds.validation", self.validation, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that one training needs."""

    name: str
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig
    train: TrainConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    folds: FoldsConfig = field(default_factory=FoldsConfig)

    def __post_init__(self) -> None:
        weights, channels = self.train.foreground_weight, self.data.channels
        if weights and len(weights) != len(channels):
            raise ConfigError(
                f"train.foreground_weight must hold {len(channels)} values (for "
                f"{' and '.join(channels)}), got {list(weights)}"
            )
        if self.train.patience and not self.folds.validation:
            raise ConfigError("folds.validation must be 1 or more where train.patience is")
        if (self.train.loss == "heat-focal") != (self.data.object == "heads"):
            raise ConfigError(
                "train.loss must be 'heat-focal' where data.object is 'heads' and only there, "
                f"got {self.train.loss!r}"
            )


def load_experiment(path: Path, overlay: Path | None = None) -> Experiment:
    """The experiment in the TOML file ``path``; raises ConfigError.

    With ``overlay``, the tables of that file are laid over it.
    """
    table = _read(path)
    if overlay:
        table = _merge(table, _read(overlay))
    experiment = build(Experiment, table, "")
    assert isinstance(experiment, Experiment)
    return experiment


def _read(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The tables of a file, laid over those of its base."""
    if path.resolve() in seen:
        raise ConfigError(f"base: {path} is laid over itself")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"cannot read the experiment {path}: {err}") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path} is not TOML: {err}") from err
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise ConfigError(f"base must be of type str, got {base!r}")
    return _merge(_read(path.parent / base, (*seen, path.resolve())), table)


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        merged[key] = _merge(under[key], value) if both else value
    return merged


def build(kind: Any, table: object, where: str) -> Any:
    """The dataclass ``kind`` made of a TOML table; ``where`` is put before each key in errors."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where or 'the file'} must be a table, got {table!r}")
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    for key in table:
        if key not in names:
            raise ConfigError(f"unknown key {where}{key}; allowed are {', '.join(names)}")
    values = {}
    for entry in fields(kind):
        if entry.name in table:
            key = f"{where}{entry.name}"
            values[entry.name] = _value(hints[entry.name], table[entry.name], key)
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ConfigError(f"missing key {where}{entry.name}")
    return kind(**values)


def _value(hint: Any, value: object, key: str) -> Any:
    if isinstance(hint, UnionType):  # a side of a cube or three sides
        single, several = hint.__args__
        return _value(several if isinstance(value, list) else single, value, key)
    if hasattr(hint, "__dataclass_fields__"):
        return build(hint, value, f"{key}.")
    if getattr(hint, "__origin__", None) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{key} must be a list, got {value!r}")
        inner = hint.__args__[0]
        if hint.__args__[-1] is not Ellipsis and len(value) != len(hint.__args__):
            raise ConfigError(f"{key} must hold {len(hint.__args__)} values, got {value!r}")
        return tuple(_value(inner, item, f"{key}[{i}]") for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{key} must be of type {hint.__name__}, got {value!r}")
    return value


def _one_of(key: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        names = [repr(name) for name in allowed]
        raise ConfigError(f"{key} must be {', '.join(names[:-1])} or {names[-1]}, got {value!r}")


def _at_least(key: str, value: float, least: float) -> None:
    if value < least:
        raise ConfigError(f"{key} must be {least:g} or more, got {value:g}")


def _cube(size: int | Size) -> Size:
    return (size, size, size) if isinstance(size, int) else size
