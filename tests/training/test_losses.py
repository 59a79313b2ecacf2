import math

import pytest
import torch

from training.losses import cross_entropy, dice_loss


def logits_of(probability: float) -> torch.Tensor:
    return torch.full((1, 1, 2, 2, 2), math.log(probability / (1 - probability)))


def test_cross_entropy_of_a_half_is_the_logarithm_of_two():
    target = torch.ones(1, 1, 2, 2, 2)

    assert cross_entropy(logits_of(0.5), target, target).item() == pytest.approx(math.log(2))


def test_dice_loss_of_a_perfect_answer_is_zero():
    target = torch.zeros(1, 1, 2, 2, 2)
    target[..., 0] = 1
    logits = (target - 0.5) * 100

    assert dice_loss(logits, target, torch.ones_like(target)).item() == pytest.approx(0, abs=1e-5)


def test_voxels_without_a_known_label_do_not_count():
    target = torch.zeros(1, 1, 2, 2, 2)
    target[..., 0] = 1
    logits = (target - 0.5) * 100
    logits[..., 1] *= -1
    weight = torch.zeros_like(target)
    weight[..., 0] = 1

    assert dice_loss(logits, target, weight).item() == pytest.approx(0, abs=1e-5)
    assert cross_entropy(logits, target, weight).item() == pytest.approx(0, abs=1e-5)
