import numpy as np
import pytest
import torch

from training.augment.draws import Draws
from training.augment.intensity import (
    MAP_HU,
    add_noise,
    change_contrast,
    clip_above,
    clip_below,
    draw_intensity_map,
    map_intensities,
    recalibrate,
)


def draws(*seeds: int) -> Draws:
    return Draws.seeded([[seed] for seed in seeds])


@pytest.mark.parametrize("seed", range(20))
def test_a_intensity_map_is_monotone_and_puts_tissue_and_its_span_where_it_says(seed):
    hu = torch.linspace(-3000, 5000, 4000).reshape(1, 10, 20, 20)

    knots = draw_intensity_map(draws(seed))
    mapped = map_intensities(hu, knots).flatten()

    assert (torch.diff(mapped) > 0).all()
    (row,) = knots.tolist()
    assert -300 <= row[3] <= 500
    assert 1200 <= row[-2] - row[0] <= 3500 + 1


def test_a_intensity_map_takes_its_knots_where_it_says_and_is_linear_between_and_beyond():
    knots = torch.tensor([[0.0, 1, 2, 3, 4, 5, 6, 7, 8]])
    hu = torch.tensor([*MAP_HU, -662.0, 2200.0, 4900.0, -1748.0]).reshape(1, 1, 1, -1)

    mapped = map_intensities(hu, knots).flatten().tolist()

    assert mapped[:9] == pytest.approx(range(9))
    assert mapped[9:] == pytest.approx([0.5, 7.5, 9.0, -1.0])


def test_each_image_has_a_map_of_its_own():
    hu = torch.full((2, 2, 2, 2), 350.0)
    knots = draw_intensity_map(draws(1, 2))

    assert torch.allclose(map_intensities(hu, knots)[:, 0, 0, 0], knots[:, 5])
    assert knots[0, 5] != knots[1, 5]


def test_gain_offset_and_contrast_are_what_they_say():
    hu = torch.tensor([100.0, 200.0]).reshape(2, 1, 1, 1)

    assert recalibrate(
        hu, torch.tensor([0.5, 2.0]), torch.tensor([7.0, -3.0])
    ).flatten().tolist() == [57, 397]
    assert change_contrast(hu, torch.tensor([1.0, 3.0]), 150.0).flatten().tolist() == [100, 300]


def test_clipping_ends_each_image_at_its_own_limit():
    hu = torch.tensor([-900.0, 900.0]).expand(2, 1, 1, 2)

    assert clip_above(hu, torch.tensor([500.0, np.inf]))[..., 1].flatten().tolist() == [500, 900]
    assert clip_below(hu, torch.tensor([-500.0, -1000.0]))[..., 0].flatten().tolist() == [
        -500,
        -900,
    ]


@pytest.mark.parametrize("grain_mm", [0.0, 0.6])
def test_noise_has_the_strength_asked_for_whatever_its_grain(grain_mm):
    hu = torch.zeros(2, 24, 24, 24)

    noisy = add_noise(hu, torch.tensor([50.0, 0.0]), torch.full((2,), grain_mm), draws(1, 2), 0.5)

    assert float(noisy[0].std()) == pytest.approx(50.0, rel=1e-3)
    assert float(noisy[1].abs().max()) == 0.0
    neighbours = np.corrcoef(noisy[0, ..., :-1].flatten(), noisy[0, ..., 1:].flatten())[0, 1]
    assert (neighbours > 0.5) == (grain_mm > 0)
