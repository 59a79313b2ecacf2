import math

import pytest
import torch
from torch import nn

from training.config import TrainConfig
from training.loop.average import MovingAverage
from training.loop.schedule import Clock, Schedule


def test_by_steps_the_share_is_that_of_the_steps_and_time_does_not_count():
    schedule = Schedule(TrainConfig(steps=200))

    assert schedule.share(50, seconds=1e9) == 0.25
    assert schedule.share(200, seconds=0) == 1.0


def test_by_minutes_the_share_is_that_of_the_time_and_steps_do_not_count():
    schedule = Schedule(TrainConfig(steps=200, minutes=2))

    assert schedule.share(10_000, seconds=30) == 0.25
    assert schedule.share(1, seconds=130) == 1.0


def test_a_training_by_steps_that_falls_behind_goes_by_the_clock():
    schedule = Schedule(TrainConfig(steps=200, within_minutes=2))

    assert schedule.share(150, seconds=30) == 0.75
    assert schedule.share(50, seconds=90) == 0.75
    assert schedule.share(51, seconds=120) == 1.0


def test_the_clock_can_decide_alone_or_at_most_but_not_both():
    with pytest.raises(ValueError, match="must not both be given, got 2 and 3"):
        TrainConfig(steps=200, minutes=2, within_minutes=3)


def test_the_cosine_rises_to_the_rate_and_falls_to_nothing():
    schedule = Schedule(TrainConfig(steps=1, learning_rate=0.1, warm_up=0.2))

    rates = [schedule.rate(share) for share in (0.0, 0.1, 0.2, 0.6, 1.0)]

    assert rates == pytest.approx([0.001, 0.05, 0.1, 0.05, 0.0])


def test_steps_down_come_at_their_steps_or_at_their_share_of_the_time():
    settings = {"schedule": "step", "schedule_steps": 30, "steps": 100, "learning_rate": 1.0}
    schedule = Schedule(TrainConfig(**settings))

    rates = [schedule.rate(step / 100) for step in (0, 29, 30, 59, 60, 90)]

    assert rates == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01, 0.001])


def test_batch_normalisation_settles_in_the_last_steps():
    schedule = Schedule(TrainConfig(steps=100, settle_steps=30))

    assert [schedule.settled(share) for share in (0.0, 0.69, 0.7, 1.0)] == [
        False,
        False,
        True,
        True,
    ]


def test_a_clock_counts_earlier_runs():
    now = iter([100.0, 107.0, 109.0])
    clock = Clock(lambda: next(now))
    clock.add(60.0)

    assert (clock.seconds, clock.seconds) == (67.0, 69.0)


def test_the_average_follows_the_weights_ever_more_slowly_up_to_its_decay():
    network = nn.BatchNorm3d(1)
    average = MovingAverage(network, decay=0.6)
    expected = float(network.weight.detach()[0])
    for step, value in enumerate((3.0, 5.0, 9.0), 1):
        with torch.no_grad():
            network.weight.fill_(value)
            network.running_mean.fill_(-value)
            network.num_batches_tracked.fill_(step)
        average.update(network, step)
        decay = min(0.6, step / (step + 1))
        expected = decay * expected + (1 - decay) * value

    assert float(average.module.weight[0]) == pytest.approx(expected)
    assert float(average.module.running_mean[0]) < -3
    assert int(average.module.num_batches_tracked) == 3


def test_without_decay_the_average_is_the_last_weights():
    network = nn.Linear(2, 2)
    average = MovingAverage(network, decay=0.0)
    with torch.no_grad():
        network.weight.fill_(math.pi)
    average.update(network, 5)

    assert torch.equal(average.module.weight, network.weight)
