"""How far training images are varied: the table ``augment`` of a training's TOML file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from training.tables import ConfigError, NotNegative, Range, Share, Table


class Look(Table):
    """How one kind of scanner sees: which steps of ``augment.looks`` it takes, and how far.

    ``share`` of the images look like this. Each step is taken in its own ``*_share`` of those;
    lengths are mm, values HU or what the scanner stores instead, ranges [least, most]. What a step
    does, and why, stands in its function in ``training/augment``.
    """

    name: str
    share: Share
    coarse_share: Share = 0.0
    in_plane_mm: NotNegative = 1.2
    thickness_mm: NotNegative = 3.0
    blur_share: Share = 0.0
    blur_mm: NotNegative = 1.0
    cupping_share: Share = 0.0
    cupping: NotNegative = 0.15
    shading_share: Share = 0.0
    shading_hu: NotNegative = 50.0
    mottle_hu: NotNegative = 0.0
    streak_share: Share = 0.0
    streak_hu: NotNegative = 150.0
    intensity_map_share: Share = 0.0
    calibration_share: Share = 0.0
    gain: Range = (1.0, 1.0)
    offset_hu: Range = (0.0, 0.0)
    noise_share: Share = 0.0
    noise_hu: Range = (0.0, 60.0)
    sharpen_share: Share = 0.0
    sharpen: NotNegative = 1.2
    floor_share: Share = 0.0
    floor_hu: Range = (-1000.0, -200.0)
    cut_share: Share = 0.0
    padding_hu: Annotated[tuple[float, ...], Field(min_length=1)] = (-1000.0,)


class TileConfig(Table):
    """What only the localiser's tiles of whole heads go through; shares of the tiles.

    ``upside_down_share`` are turned over, ``on_side_share`` turned by a quarter about some axis;
    ``small_share`` are of ``small`` times the size, as children's. ``cone_beam_share`` of the
    upright are seen by a cone-beam machine with the joints near its field's edge, ``cut_share`` of
    the others end at a random height.
    """

    upside_down_share: Share = 0.0
    on_side_share: Share = 0.0
    small_share: Share = 0.0
    small: Range = (0.6, 0.9)
    cone_beam_share: Share = 0.0
    cut_share: Share = 0.0

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.upside_down_share + self.on_side_share > 1:
            raise ConfigError(
                "augment.tiles.upside_down_share and on_side_share must not exceed 1 in sum"
            )
        if not 0 < self.small[0] <= self.small[1]:
            raise ConfigError(
                f"augment.tiles.small must rise and be above 0, got {list(self.small)}"
            )
        return self


class AugmentConfig(Table):
    """How far training images are varied; lengths in mm, angles in degrees.

    Frames are turned by up to ``rotation_deg`` about each axis, scaled by e^±``scale`` and each
    axis by e^±``stretch``, shifted by up to ``shift_mm`` and bent by a slow field of up to
    ``elastic_mm`` and a quick one of up to ``ripple_mm`` (standard deviations) in their shares.
    ``flips`` names the frame axes along which every other image is turned round.
    ``saturation_share`` are clipped at 1500 to 3071 HU; ``contrast`` is the largest change of
    contrast in every other image, as a logarithm. Then each image may get one of the ``looks``.
    """

    rotation_deg: NotNegative = 15.0
    scale: NotNegative = 0.15
    stretch: NotNegative = 0.0
    shift_mm: NotNegative = 8.0
    elastic_mm: NotNegative = 0.0
    elastic_share: Share = 0.7
    ripple_mm: NotNegative = 0.0
    ripple_share: Share = 0.5
    flips: tuple[Literal["x", "y", "z"], ...] = ()
    saturation_share: Share = 0.0
    contrast: NotNegative = 0.0
    looks: tuple[Look, ...] = ()
    tiles: TileConfig = TileConfig()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        total = sum(look.share for look in self.looks)
        if total > 1 + 1e-9:
            raise ConfigError(f"the shares of augment.looks must not exceed 1, got {total:g}")
        return self
