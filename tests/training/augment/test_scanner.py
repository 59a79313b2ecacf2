import numpy as np
import pytest
import torch

from training.augment.scanner import (
    cut_field_of_view,
    random_placement,
    rotation,
    sample,
    scanner_effects,
)
from training.config import AugmentConfig

STILL = AugmentConfig(rotation_deg=0, scale=0, shift_mm=0, elastic_mm=0)


def test_a_turn_by_90_degrees_about_z_takes_x_to_y():
    turn = rotation(np.array([0.0, 0.0, np.pi / 2]))

    assert turn @ [1.0, 0.0, 0.0] == pytest.approx([0.0, 1.0, 0.0])


def test_without_variation_the_middle_of_the_source_comes_back():
    source = torch.randn(2, 16, 16, 16)
    points = random_placement(np.random.default_rng(0), STILL, (8, 8, 8), 0.5, 8.0)

    assert torch.allclose(sample(source, points), source[:, 4:12, 4:12, 4:12], atol=1e-5)


def test_the_same_seed_gives_the_same_image_and_another_seed_another():
    hu = torch.zeros(24, 24, 24)
    first, again, other = (
        scanner_effects(hu, np.random.default_rng(seed), AugmentConfig(), 0.5) for seed in (3, 3, 4)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_field_of_view_spares_the_middle_and_blanks_something(seed):
    hu = torch.full((32, 32, 32), 500.0)

    cut = cut_field_of_view(hu, np.random.default_rng(seed))

    assert cut[16, 16, 16] == 500.0
    assert set(cut.unique().tolist()) <= {500.0, -1000.0}
