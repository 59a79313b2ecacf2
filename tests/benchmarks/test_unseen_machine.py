"""Which network judges which joint, and what the table says of their scores."""

import numpy as np
import torch
from torch import nn

from benchmarks.tables import markdown
from benchmarks.unseen_machine import CONFIG, row
from negvol_cli.geometry.grid import Grid, Volume
from negvol_cli.structures import Side
from training.config import load_experiment
from training.data import folds as fold_module
from training.data.folds import folds_of
from training.data.joints import JointSample
from training.evaluate import ablation
from training.evaluate.ablation import judged
from training.evaluate.held_out import JointScore


def score(head: str, of: float) -> JointScore:
    return JointScore(head, "left", of, 1.0, of - 0.1, 2.0, of + 0.1, of - 0.2)


def test_a_row_gives_mean_and_lowest_of_each_measure():
    table = markdown([row("scans", [score("a", 0.8), score("b", 0.9)])])

    assert table.splitlines()[-1] == (
        "| scans | 2 | 0.850 (0.800) | 0.750 (0.700) | 0.950 (0.900) | 0.650 (0.600) |"
    )


def test_every_joint_is_judged_by_the_fold_that_has_not_seen_its_head(tmp_path, monkeypatch):
    experiment = load_experiment(CONFIG)
    heads = [head for fold in experiment.folds.held_out for head in fold]
    joints = [_joint(head) for head in heads]
    monkeypatch.setattr(fold_module, "heads_of", lambda _: heads)

    def network_of(_experiment, folder, _outputs) -> nn.Module:
        module = nn.Module()
        module.register_buffer("fold", torch.tensor(int(folder.name.removeprefix("fold"))))
        return module

    monkeypatch.setattr(ablation, "load_trained", network_of)
    monkeypatch.setattr(ablation, "real_joints", lambda *_: joints)
    monkeypatch.setattr(ablation, "simulated", lambda joint, *_: joint)
    monkeypatch.setattr(ablation, "sources_of", lambda some, *_: some)
    seen = []
    monkeypatch.setattr(
        ablation,
        "score_source",
        lambda network, joint, _: seen.append((int(network.fold), joint.head)) or score("", 0.5),
    )

    scores = [
        one for fold in folds_of(experiment) for one in judged(experiment, tmp_path, fold, None)
    ]

    assert len(scores) == 2 * len(heads)
    folds = [[(k, head) for head in fold] for k, fold in enumerate(experiment.folds.held_out)]
    assert seen == [pair for fold in folds for _ in range(2) for pair in fold]


def _joint(head: str) -> JointSample:
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    values = np.zeros((4, 4, 4), np.uint8)
    return JointSample(head, Side.LEFT, (0.0, 0.0, 0.0), None, Volume(values, grid))
