import math

import pytest
import torch

from training.config import TrainConfig
from training.loop.losses import build_loss, cross_entropy, dice_loss


def logits_of(probability: float) -> torch.Tensor:
    return torch.full((1, 1, 2, 2, 2), math.log(probability / (1 - probability)))


@pytest.fixture
def half() -> torch.Tensor:
    """A target whose x = 0 half is the object."""
    target = torch.zeros(1, 1, 2, 2, 2)
    target[..., 0] = 1
    return target


def test_cross_entropy_of_a_half_is_the_logarithm_of_two():
    target = torch.ones(1, 1, 2, 2, 2)

    assert cross_entropy(logits_of(0.5), target, target).item() == pytest.approx(math.log(2))


def test_dice_loss_of_a_perfect_answer_is_zero(half):
    logits = (half - 0.5) * 100

    assert dice_loss(logits, half, torch.ones_like(half)).item() == pytest.approx(0, abs=1e-5)


def test_voxels_without_a_known_label_do_not_count(half):
    logits = (half - 0.5) * 100
    logits[..., 1] *= -1

    assert dice_loss(logits, half, half).item() == pytest.approx(0, abs=1e-5)
    assert cross_entropy(logits, half, half).item() == pytest.approx(0, abs=1e-5)


def test_a_foreground_weight_counts_voxels_of_the_object_so_much_more(half):
    ones = torch.ones_like(half)
    loss = build_loss(TrainConfig(steps=1, loss="ce", foreground_weight=(3.0,)))

    # four voxels of the object at weight 3 and four beside it, ln 2 each, over eight voxels
    assert loss(logits_of(0.5), half, ones).item() == pytest.approx(2 * math.log(2))


def test_dice_and_cross_entropy_are_mixed_with_the_configs_weights(half):
    ones = torch.ones_like(half)
    given = (logits_of(0.3), half, ones)
    loss = build_loss(TrainConfig(steps=1, dice_weight=2.0, ce_weight=0.25))

    expected = 2.0 * dice_loss(*given) + 0.25 * cross_entropy(*given)
    assert loss(*given).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", ["ce", "dice", "dice+ce"])
def test_the_loss_of_a_batch_is_the_mean_of_its_images_however_much_of_each_is_known(name, half):
    loss = build_loss(TrainConfig(steps=1, loss=name))
    logits = torch.randn(2, 1, 2, 2, 2)
    target = torch.cat([half, 1 - half])
    weight = torch.cat([torch.ones_like(half), half])

    single = [loss(*(part[i : i + 1] for part in (logits, target, weight))) for i in (0, 1)]
    assert loss(logits, target, weight).item() == pytest.approx(sum(single).item() / 2)
