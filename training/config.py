"""One TOML file per experiment, read strictly: an unknown, missing or ill-typed key is an error."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_type_hints

LOSS_NAMES = ("ce", "dice", "dice+ce", "heat-focal")


class ConfigError(Exception):
    """The experiment's file is wrong; the message names the key, the value and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Which network; ``channels`` per level from fine to coarse."""

    kind: str = "light-unet"
    channels: tuple[int, ...] = (24, 48, 96, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """What is learnt from.

    ``object`` is "joints" (MC and TB in joint frames) or "heads" (the localiser). ``size`` is
    the voxels a side that the finished network is run on, ``patch`` the voxels a side that it is
    trained on. ``phantoms`` is the number of phantom heads mixed in, ``phantom_share`` how often
    one is drawn.
    """

    object: str
    folder: str = "../shared/data"
    spacing_mm: float
    size: int
    patch: int
    window_hu: tuple[float, float]
    phantoms: int = 0
    phantom_share: float = 0.0

    def __post_init__(self) -> None:
        if self.object not in ("joints", "heads"):
            raise ConfigError(f"data.object must be 'joints' or 'heads', got {self.object!r}")
        if self.window_hu[0] >= self.window_hu[1]:
            raise ConfigError(f"data.window_hu must rise, got {self.window_hu}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How long and how fast: AdamW with a one-cycle schedule over ``steps`` batches."""

    loss: str = "dice+ce"
    seed: int = 1
    steps: int
    batch: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    average: float = 0.99
    checkpoint_every: int = 50
    mixed_precision: bool = True

    def __post_init__(self) -> None:
        if self.loss not in LOSS_NAMES:
            raise ConfigError(f"train.loss must be one of {LOSS_NAMES}, got {self.loss!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How far training images are varied; lengths in mm, greys in HU, angles in degrees."""

    rotation_deg: float = 15.0
    scale: float = 0.15
    shift_mm: float = 8.0
    elastic_mm: float = 2.0
    thickness_mm: float = 3.0
    noise_hu: float = 80.0
    gain: float = 0.2
    offset_hu: float = 150.0
    cut_share: float = 0.15
    streak_share: float = 0.15
    upside_down_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldsConfig:
    """Heads left out of training, fold by fold; both joints of a head are always together."""

    held_out: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that one training needs."""

    name: str
    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: DataConfig
    train: TrainConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    folds: FoldsConfig = field(default_factory=FoldsConfig)


def load_experiment(path: Path) -> Experiment:
    """The experiment in the TOML file ``path``; raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"cannot read the experiment {path}: {err}") from err
    except tomllib.TOMLDecodeError as err:
        raise ConfigError(f"{path} is not TOML: {err}") from err
    experiment = _build(Experiment, table, "")
    assert isinstance(experiment, Experiment)
    return experiment


def _build(kind: Any, table: object, where: str) -> Any:
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
    if hasattr(hint, "__dataclass_fields__"):
        return _build(hint, value, f"{key}.")
    if getattr(hint, "__origin__", None) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{key} must be a list, got {value!r}")
        inner = hint.__args__[0]
        if hint.__args__[-1] is not Ellipsis and len(value) != len(hint.__args__):
            raise ConfigError(f"{key} must hold {len(hint.__args__)} values, got {value!r}")
        return tuple(_value(inner, item, f"{key}[{i}]") for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, UnionType) or type(value) is not hint:
        raise ConfigError(f"{key} must be of type {hint.__name__}, got {value!r}")
    return value
