"""Where training images come from."""

from collections import Counter

import numpy as np
import pytest

from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Side
from training.augment.draws import Draws
from training.config import ConfigError, DataConfig, Experiment, FoldsConfig, TrainConfig
from training.data.joints import JointSample
from training.loop import tasks
from training.loop.tasks import JointTask, build_task

GRID = Grid((16,) * 3, (2.0,) * 3, (-15.0,) * 3)


def joint(head: str, *, scanned: bool = True) -> JointSample:
    labels = np.zeros((16,) * 3, np.uint8)
    labels[6:10, 6:10, 6:10] = 1
    ct = Volume(labels.astype(np.int16) * 1000, GRID) if scanned else None
    return JointSample(head, Side.LEFT, (0.0, 0.0, 0.0), ct, Volume(labels, GRID))


def experiment(**data: object) -> Experiment:
    settings = {
        "object": "joints",
        "spacing_mm": 2.0,
        "size": 8,
        "patch": 8,
        "window_hu": (-1000.0, 1000.0),
    }
    return Experiment(
        name="x",
        data=DataConfig(**{**settings, **data}),
        train=TrainConfig(steps=1),
        folds=FoldsConfig(judged_only=("d",)),
    )


@pytest.fixture(autouse=True)
def _joints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "real_joints", lambda *_: [joint(head) for head in "abcd"])
    made = ([joint("phantom-0")], [joint("map", scanned=False)])
    monkeypatch.setattr(tasks, "made_joints", lambda *_: made)


def test_no_head_that_is_held_out_set_aside_or_judged_only_is_learnt_from():
    task = build_task(experiment(), ("a",), ("b",))

    assert isinstance(task, JointTask)
    assert [source.head for source in task.real] == ["c"]
    assert [source.head for source in task.validation] == ["b"]
    assert task.channels == ("condyle", "temporal_bone")


def test_nothing_left_to_learn_from_is_said():
    with pytest.raises(ConfigError, match="no head is left to learn from"):
        build_task(experiment(), ("a", "b", "c"))


def test_pools_are_drawn_from_in_their_shares():
    made = {"phantoms": 1, "phantom_share": 0.3, "label_maps": True, "label_map_share": 0.1}
    task = build_task(experiment(**made), ())
    assert isinstance(task, JointTask)
    pools = ((0.3, task.phantoms), (0.1, task.label_maps))

    picked = tasks._pick(Draws.seeded([[1, n] for n in range(2000)]), task.real, pools)

    heads = Counter(source.head for source in picked)
    assert heads["phantom-0"] / 2000 == pytest.approx(0.3, abs=0.04)
    assert heads["map"] / 2000 == pytest.approx(0.1, abs=0.03)
    assert min(heads[head] for head in "abc") > 300


def test_a_batch_of_scans_and_label_maps_is_drawn_together():
    made = {"label_maps": True, "label_map_share": 0.5, "opened_share": 0.5}
    task = build_task(experiment(**made), ())

    image, target, weight = task.draw(Draws.seeded([[1, n] for n in range(8)]))

    assert image.shape == weight.shape == (8, 1, 8, 8, 8)
    assert target.shape == (8, 2, 8, 8, 8)
    assert (image.flatten(1).std(dim=1) > 0).all()


def test_looks_are_whole_frames_of_the_finished_networks_size():
    task = build_task(experiment(size=12), (), ("b",))

    ((image, target, weight),) = task.looks()

    assert image.shape == (1, 1, 12, 12, 12)
    assert float(target[0, 0].sum()) == pytest.approx(64, rel=0.01)
    assert weight.min() == 1
