import numpy as np
import pytest
import torch

from training.augment.artefacts import add_streaks, cup, shade
from training.augment.draws import Draws
from training.augment.field_of_view import draw_outside
from training.augment.masks import dilated, gap


def draws(*seeds: int) -> Draws:
    return Draws.seeded([[seed] for seed in seeds])


@pytest.mark.parametrize("spacing_mm", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(12))
def test_a_field_of_view_holds_the_middle_and_leaves_something_out(seed, spacing_mm):
    hu = torch.zeros(1, *(round(64 / spacing_mm),) * 3)

    outside = draw_outside(draws(seed), hu, spacing_mm)[0]

    middle = round(32 / spacing_mm)
    reach = round(2 / spacing_mm)
    around = slice(middle - reach, middle + reach)
    assert not outside[around, around, around].any()
    assert outside.any()


def test_a_field_of_view_is_the_same_in_coarse_and_in_fine_voxels():
    fine = draw_outside(draws(5), torch.zeros(1, 64, 64, 64), 1.0)[0]
    coarse = draw_outside(draws(5), torch.zeros(1, 32, 32, 32), 2.0)[0]

    agree = fine[::2, ::2, ::2] == coarse
    assert agree.float().mean() > 0.95


def test_streaks_are_in_some_slices_more_than_in_others_and_change_with_the_angle_alone():
    hu = torch.zeros(1, 32, 32, 32)

    rays = add_streaks(hu, 200.0, draws(3), 2.0)[0]

    strength = rays.abs().mean(dim=(1, 2))
    assert strength.max() > 5 * strength.min()
    assert rays.abs().max() <= 2 * 4 * 200


def test_cupping_scales_and_shading_adds():
    air, bone = torch.zeros(1, 16, 16, 16), torch.full((1, 16, 16, 16), 1000.0)

    assert (cup(air, torch.tensor([0.3]), draws(1), 1.0) == 0).all()
    assert cup(bone, torch.tensor([0.3]), draws(1), 1.0).std() > 30
    one = shade(air, torch.tensor([80.0]), torch.tensor([0.0]), draws(1), 1.0)
    other = shade(bone, torch.tensor([80.0]), torch.tensor([0.0]), draws(1), 1.0)
    assert torch.allclose(one + 1000.0, other, atol=1e-3)
    assert one.std() > 20


def test_a_dilated_voxel_is_a_box():
    mask = torch.zeros(1, 9, 9, 9, dtype=torch.bool)
    mask[0, 4, 1, 8] = True

    grown = dilated(mask, 2)[0]

    expected = np.zeros((9, 9, 9), bool)
    expected[2:7, 0:4, 6:9] = True
    assert (grown.numpy() == expected).all()


@pytest.mark.parametrize(("between_mm", "found"), [(2.0, True), (4.0, False)])
def test_the_gap_is_where_both_bones_are_within_a_millimetre_and_a_half(between_mm, found):
    masks = torch.zeros(1, 2, 24, 8, 8)
    masks[:, 0, :8] = 1
    masks[:, 1, 8 + round(between_mm / 0.5) :] = 1

    assert bool(gap(masks, 0.5).any()) == found
