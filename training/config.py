"""What one training needs, as one TOML file says it: ``load_experiment``.

A file may name another with ``base = "other.toml"`` (relative to itself): its tables are laid
over that file's, key by key. An unknown, missing or ill-typed key is an error (``tables``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from training.augment_config import AugmentConfig
from training.tables import (
    AtLeastOne,
    ConfigError,
    Count,
    NotNegative,
    Positive,
    Range,
    Share,
    Table,
    build,
    merged,
    read_layers,
    read_toml,
)

__all__ = [
    "CHANNELS",
    "LOCALISER_SPACING_MM",
    "NETWORK_KINDS",
    "OWN",
    "ConfigError",
    "DataConfig",
    "Experiment",
    "FoldsConfig",
    "NetworkConfig",
    "Size",
    "TrainConfig",
    "load_experiment",
]

LOCALISER_SPACING_MM: Final = 4.0
"""Of the tiles that the localiser is taught on and its manifest names."""

OWN: Final = "{fold}"
"""Stands for the name of a training in ``train.start_from``."""

NetworkKind = Literal["light-unet", "fine-unet", "v-net", "u-net", "attention-u-net"]
NETWORK_KINDS: Final[tuple[str, ...]] = get_args(NetworkKind)
Object = Literal["joints", "mc", "tb", "nv", "heads"]
CHANNELS: Final = {
    "joints": ("condyle", "temporal_bone"),
    "mc": ("condyle",),
    "tb": ("temporal_bone",),
    "nv": ("negative_volume",),
    "heads": ("right", "left"),
}
"""What each output channel of a network is, by the object it is trained for."""


def _sides(size: object, about: ValidationInfo) -> object:
    """A side of a cube or three sides [z, y, x], each of 8 voxels or more."""
    key = f"data.{about.field_name}"
    sides = size if isinstance(size, tuple) else (size,)
    if any(type(side) is not int for side in sides):
        raise ConfigError(f"{key} must be of type int, got {size!r}, or three of it")
    if len(sides) not in (1, 3):
        raise ConfigError(f"{key} must hold 3 values, got {list(sides)}")
    if min(sides) < 8:
        raise ConfigError(f"{key} must be 8 or more, got {min(sides)}")
    return size


Size = tuple[int, int, int]
CubeOrSides = Annotated[int | Size, BeforeValidator(_sides)]


class NetworkConfig(Table):
    """Which network; ``channels`` per level from fine to coarse.

    ``levels`` are the probabilities, output by output, at which an object ends, where that is not
    one half: the finished network's answers are moved so that it is. They are chosen on heads that
    the network has not seen (``benchmarks/bone_level.py``).
    """

    kind: NetworkKind = "light-unet"
    channels: tuple[int, ...] = (24, 48, 96, 128)
    levels: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ConfigError(f"network.channels must be two or more numbers, got {self.channels}")
        if not all(0 < level < 1 for level in self.levels):
            raise ConfigError(f"network.levels must lie between 0 and 1, got {list(self.levels)}")
        return self


class DataConfig(Table):
    """What is learnt from.

    ``object`` is "mc", "tb", "nv" (the negative volume itself), "joints" (MC and TB together),
    all in joint frames, or "heads" (the localiser). ``size`` is the voxels that the finished
    network is run on, ``patch`` those that it is trained on: a side of a cube or [z, y, x].

    What there is to learn from is ``pack``, a file written by ``python -m training pack``, or
    ``dataset``, a hospital's ``dataset.toml``, or, without either, ``folder``. ``phantoms`` is the
    number of phantom heads mixed in, ``phantom_share`` how often one of them is drawn;
    ``label_maps`` adds the anatomies in ``folder``/labelmaps, drawn in ``label_map_share``.

    ``rendered_share`` is how often a joint is seen not as its CT but as its labels, painted with
    random intensities; in ``opened_share`` of those the mandible is moved first, by up to
    ``opening_mm`` along the eminence and ``opening_deg`` about the condyle. ``edges`` says where
    reference labels end, learnt from or judged by: where the product's own edge step puts them,
    "refined", or where they were "drawn", for labels that lie on the physical edge as they are.
    """

    object: Object
    folder: str = "../shared/data"
    dataset: str = ""
    pack: str = ""
    spacing_mm: Positive
    size: CubeOrSides
    patch: CubeOrSides
    window_hu: Range
    phantoms: Count = 0
    phantom_share: Share = 0.0
    label_maps: bool = False
    label_map_share: Share = 0.0
    rendered_share: Share = 0.0
    opened_share: Share = 0.0
    opening_mm: NotNegative = 10.0
    opening_deg: NotNegative = 20.0
    edges: Literal["drawn", "refined"] = "refined"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.window_hu[0] >= self.window_hu[1]:
            raise ConfigError(f"data.window_hu must rise, got {list(self.window_hu)}")
        if self.object == "heads" and max(len({*self.size_zyx}), len({*self.patch_zyx})) > 1:
            raise ConfigError("data.size and data.patch must be cubes where data.object is 'heads'")
        if self.phantom_share > 0 and self.phantoms < 1:
            raise ConfigError("data.phantoms must be 1 or more where data.phantom_share is not 0")
        if self.label_map_share > 0 and not self.label_maps:
            raise ConfigError("data.label_maps must be true where data.label_map_share is not 0")
        if self.phantom_share + self.label_map_share > 1:
            raise ConfigError(
                "data.phantom_share and data.label_map_share must not exceed 1 in sum"
            )
        painted = self.label_map_share + self.rendered_share > 0
        if painted and self.object != "joints":
            raise ConfigError(
                "data.label_map_share and data.rendered_share must be 0 where data.object is not "
                f"'joints', got {self.label_map_share:g} and {self.rendered_share:g}"
            )
        if self.pack and self.dataset:
            raise ConfigError("data.pack and data.dataset must not both be given")
        return self

    @property
    def size_zyx(self) -> Size:
        """Voxels that the finished network is run on."""
        return (self.size,) * 3 if isinstance(self.size, int) else self.size

    @property
    def patch_zyx(self) -> Size:
        """Voxels that the network is trained on."""
        return (self.patch,) * 3 if isinstance(self.patch, int) else self.patch

    @property
    def channels(self) -> tuple[str, ...]:
        """What each output channel of the network is."""
        return CHANNELS[self.object]


class TrainConfig(Table):
    """How long and how fast.

    Every step takes ``batch`` images, over all processes and ``accumulate`` portions together. A
    training lasts ``steps`` steps, or, where ``minutes`` is not 0, that long in all, and its
    schedule then runs by the clock: what is said of steps below is meant in proportion. Where
    ``within_minutes`` is not 0, a training by steps runs by the clock as soon as the clock is
    ahead of its steps, so that those end by then with a schedule run to its end; reading the data
    does not count. Schedule
    "cosine" rises to ``learning_rate`` within the share ``warm_up`` and falls along a cosine to 0;
    "step" multiplies the rate by ``schedule_factor`` every ``schedule_steps``.

    ``average`` is the decay of the weights' moving average, which becomes the network (0: the
    last weights). ``dice_weight`` and ``ce_weight`` mix the loss "dice+ce"; ``dice_power`` 2 is
    the Dice loss of V-Net (squares in its denominator), 1 the plain one. ``foreground_weight`` is
    how much more a voxel of the object counts in the cross-entropy, channel by channel (none: 1),
    ``gap_weight`` how much more a voxel counts with both bones within 1.5 mm. In the last
    ``settle_steps`` networks with batch normalisation use the averages that they gathered until
    then, as when they are run.

    ``start_from`` is a file of weights of the same network (a ``weights.pt``) that the final
    network begins with, to go on learning from other data; a fold, which is judged on heads that
    those weights may know, begins with nothing. Where it has ``{fold}`` for the name of a fold
    ("fold0", "final"), each begins with its own, which must have held out the same heads.

    With ``patience``, every ``validate_every`` steps the loss on the validation heads is looked
    at; training stops when it has not fallen by ``delta`` in ``patience`` looks, and the best
    weights are kept.
    """

    loss: Literal["ce", "dice", "dice+ce", "heat-focal"] = "dice+ce"
    dice_weight: NotNegative = 1.0
    ce_weight: NotNegative = 1.0
    dice_power: Literal[1, 2] = 2
    foreground_weight: tuple[float, ...] = ()
    gap_weight: Annotated[float, Field(ge=1)] = 1.0
    seed: int = 1
    steps: AtLeastOne
    minutes: NotNegative = 0.0
    within_minutes: NotNegative = 0.0
    batch: AtLeastOne = 1
    accumulate: AtLeastOne = 1
    optimiser: Literal["adamw", "adam"] = "adamw"
    learning_rate: Positive = 2e-3
    weight_decay: float = 1e-4
    schedule: Literal["cosine", "step"] = "cosine"
    warm_up: Share = 0.05
    schedule_steps: int = 0
    schedule_factor: float = 0.1
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    settle_steps: Count = 0
    validate_every: Count = 0
    patience: Count = 0
    delta: NotNegative = 0.0
    checkpoint_every: AtLeastOne = 50
    mixed_precision: bool = True
    start_from: str = ""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.batch % self.accumulate:
            raise ConfigError(
                f"train.accumulate must divide train.batch, {self.batch}, got {self.accumulate}"
            )
        if self.minutes and self.within_minutes:
            raise ConfigError(
                "train.minutes and train.within_minutes must not both be given, got "
                f"{self.minutes:g} and {self.within_minutes:g}"
            )
        if self.schedule == "step" and self.schedule_steps < 1:
            raise ConfigError(f"train.schedule_steps must be 1 or more, got {self.schedule_steps}")
        if bool(self.patience) != bool(self.validate_every):
            raise ConfigError(
                "train.patience and train.validate_every must both be 0 or both be 1 or more, "
                f"got {self.patience} and {self.validate_every}"
            )
        return self


class FoldsConfig(Table):
    """Heads left out of training, fold by fold; both joints of a head are always together.

    Either the heads are named in ``held_out``, or all heads are dealt to ``count`` folds by the
    seed. ``validation`` heads of those trained on are set aside for early stopping. Heads in
    ``judged_only`` are judged with the others, but no training learns from them, nor stops by them:
    their annotation is known to be doubtful.
    """

    held_out: tuple[tuple[str, ...], ...] = ()
    count: int = 0
    validation: Count = 0
    judged_only: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        heads = [head for fold in self.held_out for head in fold]
        twice = sorted({head for head in heads if heads.count(head) > 1})
        if twice:
            raise ConfigError(f"folds.held_out must name a head once, got {twice[0]!r} again")
        if not all(self.held_out):
            raise ConfigError("folds.held_out must hold lists of one or more heads, got []")
        if self.held_out and self.count:
            raise ConfigError(f"folds.count must be 0 beside folds.held_out, got {self.count}")
        if self.count != 0 and self.count < 2:
            raise ConfigError(f"folds.count must be 2 or more, got {self.count}")
        return self


class Experiment(Table):
    """Everything that one training needs."""

    name: str
    network: NetworkConfig = NetworkConfig()
    data: DataConfig
    train: TrainConfig
    augment: AugmentConfig = AugmentConfig()
    folds: FoldsConfig = FoldsConfig()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        weights, channels = self.train.foreground_weight, self.data.channels
        if weights and len(weights) != len(channels):
            raise ConfigError(
                f"train.foreground_weight must hold {len(channels)} values (for "
                f"{' and '.join(channels)}), got {list(weights)}"
            )
        if self.train.patience and not self.folds.validation:
            raise ConfigError("folds.validation must be 1 or more where train.patience is")
        if self.train.gap_weight > 1 and self.data.object != "joints":
            raise ConfigError("train.gap_weight must be 1 where data.object is not 'joints'")
        if (self.train.loss == "heat-focal") != (self.data.object == "heads"):
            raise ConfigError(
                "train.loss must be 'heat-focal' where data.object is 'heads' and only there, "
                f"got {self.train.loss!r}"
            )
        return self

    def changed(self, **tables: dict[str, Any]) -> Experiment:
        """The experiment with some keys of some tables changed, checked again.

        ``changed(train={"steps": 9})``. Raises ConfigError.
        """
        return build(Experiment, merged(self.model_dump(), tables))


def load_experiment(path: Path, overlay: Path | None = None) -> Experiment:
    """The experiment in the TOML file ``path``; raises ConfigError.

    With ``overlay``, the tables of that file are laid over it.
    """
    table = read_layers(path)
    if overlay:
        table = merged(table, read_toml(overlay, "experiment"))
    return build(Experiment, table)
