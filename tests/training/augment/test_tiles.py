"""The localiser's tiles: heat where the joints are, on a head whose joints are two bright balls."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from negvol_cli.geometry.grid import Grid, Volume
from training.augment.draws import Draws
from training.augment.tile_plans import TilePlan, draw_plan
from training.augment.tiles import HeadSource, draw_tiles
from training.augment_config import AugmentConfig, Look, TileConfig
from training.config import DataConfig, Experiment, TrainConfig
from training.data.heads import HeadSample

CENTRES = np.array([[-50.0, 10.0, 5.0], [50.0, 10.0, 5.0]])
STILL = AugmentConfig(rotation_deg=0, scale=0, shift_mm=0)


def head() -> HeadSource:
    """Water, 220 mm a side, with a ball of bone of 14 mm at each joint, the right one brighter."""
    grid = Grid((56,) * 3, (4.0,) * 3, (-110.0,) * 3)
    index = np.moveaxis(np.indices(grid.shape_zyx), 0, -1)[..., ::-1]
    values = np.zeros(grid.shape_zyx, np.float32)
    for centre, hu in zip(CENTRES, (1200.0, 600.0), strict=True):
        values[np.linalg.norm(grid.to_world(index) - centre, axis=-1) <= 14] = hu
    return HeadSource.of(HeadSample("made", Volume(values, grid), CENTRES), "cpu")


def experiment(**augment: object) -> Experiment:
    return Experiment(
        name="x",
        data=DataConfig(
            object="heads", spacing_mm=4.0, size=48, patch=48, window_hu=(-1000.0, 1500.0)
        ),
        train=TrainConfig(steps=1, loss="heat-focal"),
        augment=AugmentConfig(**{**STILL.model_dump(), **augment}),
    )


def tiles(many: int, one: Experiment) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return draw_tiles([head()] * many, Draws.seeded([[7, n] for n in range(many)]), one)


def test_heat_is_where_the_ball_of_its_side_is_also_in_mirrored_heads():
    image, heat, weight = tiles(12, experiment())

    assert image.shape == (12, 1, 48, 48, 48)
    found = 0
    for number in range(12):
        for side in range(2):
            if heat[number, side].max() < 0.9:
                continue
            found += 1
            hot = heat[number, side] > 0.9
            assert image[number, 0][hot].mean() > 0.2  # bone: 600 HU are 0.28, 1200 are 0.76
    brightness = [
        float(image[n, 0][heat[n, 0] > 0.9].mean()) for n in range(12) if heat[n, 0].max() > 0.9
    ]
    assert found > 8
    assert min(brightness) < 0.5 < max(brightness)  # some heads were mirrored: sides changed
    assert set(weight.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("share", ["upside_down_share", "on_side_share"])
def test_heads_turned_over_or_onto_a_side_have_no_heat(share):
    one = experiment(tiles=TileConfig(**{share: 1.0}).model_dump())

    _, heat, _ = tiles(6, one)

    assert (heat == 0).all()


def plans(many: int, **augment: object) -> list[TilePlan]:
    one, made = experiment(**augment), head()
    return [
        draw_plan(made.grid, CENTRES, np.random.default_rng([5, n]), one.augment, 48)
        for n in range(many)
    ]


def test_a_head_on_its_side_is_turned_by_a_quarter_and_no_more_mirrored_than_others():
    for plan in plans(30, tiles=TileConfig(on_side_share=1.0).model_dump()):
        across, up = plan.matrix[:, 0], plan.matrix[:, 2]
        assert min(abs(across[0]), abs(up[2])) == pytest.approx(0.0, abs=1e-12)
        assert abs(np.linalg.det(plan.matrix)) == pytest.approx(1.0)


def test_joints_of_a_head_made_small_lie_nearer_to_each_other():
    tiles = TileConfig(small_share=1.0, small=(0.6, 0.9)).model_dump()

    apart = [
        float(np.linalg.norm(plan.joints[0].at_mm - plan.joints[1].at_mm))
        for plan in plans(40, tiles=tiles)
    ]

    assert 60.0 <= min(apart) < 70.0
    assert 80.0 < max(apart) <= 90.0


def test_a_cone_beams_tile_is_also_seen_by_a_look_but_not_the_air_beyond_its_scan():
    look = Look(name="x", share=1.0, calibration_share=1.0, gain=(0, 0), offset_hu=(777, 777))
    tiled = TileConfig(cone_beam_share=1.0).model_dump()

    image, _, _ = tiles(4, experiment(looks=(look.model_dump(),), tiles=tiled))

    for tile in image[:, 0]:
        values = set((1250 * (tile.unique() + 1) - 1000).round().tolist())
        assert {-1000.0, 777.0} <= values
        assert len(values) <= 3  # and what stands beside the field


def test_a_body_without_joints_has_no_heat_and_is_asked_everywhere():
    body = replace(head(), centres_mm=np.empty((0, 3)))

    _, heat, weight = draw_tiles([body], Draws.seeded([[1]]), experiment())

    assert (heat == 0).all()
    assert (weight == 1).all()


def test_a_scan_that_ends_shows_air_and_asks_nothing_of_a_joint_at_its_end():
    one = experiment(tiles=TileConfig(cut_share=1.0).model_dump())

    image, heat, weight = tiles(10, one)

    air = (image[:, 0] <= -0.999).all(dim=(2, 3))
    assert air.any(dim=1).all()
    assert (weight == 0).any()
    hot = (heat > 0.9).any(dim=1) & (weight[:, 0] > 0)
    assert not (hot & air[:, :, None, None]).any()


@pytest.mark.parametrize("cone_beam", [0.0, 1.0])
def test_the_same_seeds_give_the_same_tiles_whatever_sees_them(cone_beam):
    looks = (Look(name="x", share=1.0, intensity_map_share=1.0, noise_share=1.0).model_dump(),)
    one = experiment(looks=looks, tiles=TileConfig(cone_beam_share=cone_beam).model_dump())

    first, again = (tiles(3, one) for _ in range(2))

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.isfinite(first[0]).all()
