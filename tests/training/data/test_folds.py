import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from training.config import ConfigError, DataConfig, Experiment, FoldsConfig, TrainConfig
from training.data import folds
from training.data.folds import folds_of
from training.data.heads import HeadSample
from training.loop import tasks

HEADS = ["a", "b", "c", "d", "e", "f", "g"]


@pytest.fixture(autouse=True)
def _seven_heads(monkeypatch):
    monkeypatch.setattr(folds, "heads_of", lambda _experiment: list(HEADS))


def experiment(**settings) -> Experiment:
    return Experiment(
        name="x",
        data=DataConfig(object="mc", spacing_mm=1.0, size=16, patch=16, window_hu=(0.0, 1.0)),
        train=TrainConfig(steps=1),
        folds=FoldsConfig(**settings),
    )


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_every_head_is_held_out_once_and_by_no_fold_both_learnt_from_and_judged(count):
    dealt = folds_of(experiment(count=count, validation=1))

    assert len(dealt) == count
    assert sorted(head for fold in dealt for head in fold.held_out) == HEADS
    assert all(len(fold.validation) == 1 for fold in dealt)
    assert not any(set(fold.held_out) & set(fold.validation) for fold in dealt)


def test_the_same_seed_deals_the_same_folds_and_another_seed_others():
    one = experiment(count=3)
    other = one.changed(train={"seed": 2})

    assert folds_of(one) == folds_of(one)
    assert folds_of(one) != folds_of(other)


def test_a_head_that_is_not_in_the_data_is_named_with_those_that_are():
    with pytest.raises(ConfigError, match=r"names 'z', which is not in .* there are a, b, c"):
        folds_of(experiment(held_out=(("a", "z"),)))


def test_more_folds_than_heads_are_refused():
    with pytest.raises(ConfigError, match=r"folds.count must be at most the 7 heads, got 8"):
        folds_of(experiment(count=8))


def test_a_fold_that_leaves_nothing_to_learn_from_is_refused():
    with pytest.raises(ConfigError, match=r"folds.validation must be below 5, .* got 5"):
        folds_of(experiment(held_out=(("a", "b"),), validation=5))


def test_a_head_that_is_judged_only_is_held_out_but_stops_no_training():
    dealt = folds_of(experiment(count=3, validation=1, judged_only=("c", "d", "e")))

    assert sorted(head for fold in dealt for head in fold.held_out) == HEADS
    assert not {head for fold in dealt for head in fold.validation} & {"c", "d", "e"}


def test_a_judged_only_head_that_is_not_in_the_data_is_named():
    with pytest.raises(ConfigError, match=r"folds.judged_only names 'z', which is not in"):
        folds_of(experiment(count=2, judged_only=("a", "z")))


def test_no_training_learns_from_a_judged_only_head(monkeypatch):
    nowhere = Volume(np.zeros((1, 1, 1), np.float32), Grid((1, 1, 1), (4.0,) * 3, (0.0,) * 3))
    heads = [HeadSample(head, nowhere, np.zeros((2, 3))) for head in HEADS]
    monkeypatch.setattr(tasks, "real_heads", lambda _data: heads)
    given = experiment(judged_only=("c",)).changed(
        data={"object": "heads"}, train={"loss": "heat-focal"}
    )

    for held_out, learnt in (((), "abdefg"), (("a",), "bdefg")):
        task = tasks.build_task(given, held_out)
        assert [head.head for head in task.real] == list(learnt)
