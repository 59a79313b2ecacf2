"""What of the training matters: the whole recipe, and the recipe with one thing left out.

Every row is a training of its own with the same seed. It is judged on the heads that its fold holds
out, as they were scanned, and as a cone-beam machine would have scanned them: the simulated machine
of ``cone_beam_machine``, which no training sees, so that no row is judged by its own lesson.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.augment.cone_beam import ConeBeamSettings, simulate_cone_beam
from training.augment.sampling import JointSource
from training.config import ConfigError, Experiment, load_experiment
from training.data.folds import Fold, folds_of
from training.data.joints import JointSample, as_stored
from training.data.sources import real_joints
from training.evaluate.held_out import JointScore, score_source
from training.evaluate.scores import read_rows, write_rows
from training.loop.tasks import sources_of
from training.loop.train import CHECKPOINT, KEPT, load_trained, train

Change = Callable[[Experiment], Experiment]
SCORES: Final = "ablation.csv"
MACHINE_SEED: Final = 2021
VOXEL_MM: Final = 0.5
AIR_HU: Final = -1000.0


def _keys(**tables: dict[str, Any]) -> Change:
    return lambda experiment: experiment.changed(**tables)


def _steps(*steps: str) -> Change:
    """Without some steps of every look."""
    return lambda experiment: experiment.changed(
        augment={
            "looks": tuple(
                {**look.model_dump(), **{f"{step}_share": 0.0 for step in steps}}
                for look in experiment.augment.looks
            )
        }
    )


def _look(number: int) -> Change:
    """Without one look; its share goes to the first."""

    def change(experiment: Experiment) -> Experiment:
        looks = [look.model_dump() for look in experiment.augment.looks]
        looks[0]["share"] += looks[number]["share"]
        del looks[number]
        return experiment.changed(augment={"looks": tuple(looks)})

    return change


LEFT_OUT: Final[Mapping[str, tuple[str, Change]]] = {
    "whole": ("nothing", lambda experiment: experiment),
    "no-looks": ("every look: images as they were scanned", _keys(augment={"looks": ()})),
    "no-cone-beam": ("the cone-beam machine's look", _look(1)),
    "no-grey-look": ("the look whose intensities mean nothing", _look(2)),
    "no-grey-maps": ("monotone grey maps in every look", _steps("intensity_map")),
    "no-blur": ("blur, coarse voxels and thick slices", _steps("blur", "coarse")),
    "no-noise": ("noise", _steps("noise")),
    "no-fields": ("cupping and shading", _steps("cupping", "shading")),
    "no-calibration": ("gain and offset", _steps("calibration")),
    "no-cuts": ("cut fields of view", _steps("cut")),
    "no-streaks": ("streaks", _steps("streak")),
    "no-turns": (
        "rotation, scale and stretch",
        _keys(augment={"rotation_deg": 0.0, "scale": 0.0, "stretch": 0.0}),
    ),
    "no-bending": ("both elastic fields", _keys(augment={"elastic_mm": 0.0, "ripple_mm": 0.0})),
    "no-gap-weight": ("the weight of the gap", _keys(train={"gap_weight": 1.0})),
    "no-average": ("the moving average of the weights", _keys(train={"average": 0.0})),
}
"""What each row leaves out, and how."""


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one row, as scanned and as simulated; a head's ``head`` says which."""

    name: str
    scores: Sequence[JointScore]

    def mean(self, measure: str, *, simulated: bool) -> float:
        """The mean of one measure over the joints of one kind."""
        of_kind = [s for s in self.scores if s.head.endswith(SIMULATED) == simulated]
        return float(np.mean([getattr(score, measure) for score in of_kind]))


SIMULATED: Final = " (simulated cone beam)"


@dataclass(frozen=True, slots=True)
class Ablation:
    """Where the trainings lie, and what they are trained on."""

    config: Path
    runs: Path
    out: Path
    pack: str = ""
    folds: int | None = None

    def make(self, names: Sequence[str] | None, say: Callable[[str], None]) -> None:
        """Train and judge each row, or those called ``names``; the table is written after each.

        A row that is done is read again. Raises ConfigError for a name that is no row's.
        """
        for name in names or ():
            if name not in LEFT_OUT:
                raise ConfigError(f"--only must name rows of {', '.join(LEFT_OUT)}, got {name!r}")
        whole = load_experiment(self.config)
        if self.pack:
            whole = whole.changed(data={"pack": self.pack, "dataset": ""})
        rows: list[Row] = []
        for name in LEFT_OUT:
            done = (self.runs / f"{whole.name}-{name}" / SCORES).is_file()
            if done or names is None or name in names:
                rows.append(self._row(name, whole, say))
                self.out.parent.mkdir(parents=True, exist_ok=True)
                self.out.write_text(_page(rows, whole, self.folds), encoding="utf-8")
                say(f"{name}: condyle {rows[-1].mean('condyle_dice', simulated=False):.3f}")

    def _row(self, name: str, whole: Experiment, say: Callable[[str], None]) -> Row:
        experiment = LEFT_OUT[name][1](whole).model_copy(update={"name": f"{whole.name}-{name}"})
        folder = self.runs / experiment.name
        if not (folder / SCORES).is_file():
            scores: list[JointScore] = []
            for fold in folds_of(experiment)[: self.folds]:
                train(experiment, folder / fold.name, fold.held_out, say, fold.validation)
                scores += _judged(experiment, folder, fold, self.runs / KEPT)
                (folder / fold.name / CHECKPOINT).unlink(missing_ok=True)
            write_rows(scores, folder / SCORES)
        return Row(name, read_rows(JointScore, folder / SCORES))


def _judged(experiment: Experiment, folder: Path, fold: Fold, kept: Path) -> list[JointScore]:
    """The held-out joints as they were scanned, then as the machine would have scanned them."""
    network = load_trained(experiment, folder / fold.name, len(experiment.data.channels))
    joints = [j for j in real_joints(experiment.data, kept) if j.head in fold.held_out]
    return [
        score_source(network, source, experiment)
        for source in _sources([*joints, *map(simulated, joints)], experiment)
    ]


def _sources(joints: Sequence[JointSample], experiment: Experiment) -> list[JointSource]:
    return sources_of(joints, experiment, "cpu")


@cache
def simulated(joint: JointSample) -> JointSample:
    """A joint as a cone-beam machine, drawn by the joint's name, would have scanned it."""
    if joint.ct is None:
        raise ConfigError(f"{joint.head} has labels only, no CT")
    seed = [MACHINE_SEED, *f"{joint.head} {joint.side}".encode()]
    machine = replace(
        ConeBeamSettings.draw(np.random.default_rng(seed)),
        voxel_mm=VOXEL_MM,
        diameter_mm=100.0,
        height_mm=100.0,
        padding_hu=AIR_HU,
    )
    ct = as_stored(simulate_cone_beam(joint.ct, sum(seed), machine))
    return replace(joint, head=joint.head + SIMULATED, ct=ct)


def _page(rows: Sequence[Row], whole: Experiment, folds: int | None) -> str:
    """The table in markdown, and on what it stands."""
    train_, data = whole.train, whole.data
    heads = {score.head.removesuffix(SIMULATED) for row in rows for score in row.scores}
    joints = sum(not score.head.endswith(SIMULATED) for score in rows[0].scores)
    last = f"{train_.minutes:g} minutes" if train_.minutes else f"{train_.steps} steps"
    lines = [
        "# What of the training matters",
        "",
        "Made by `python -m training ablate`"
        + (f" with `--first-folds {folds}`" if folds else "")
        + f": {last} of {train_.batch} frames of {data.patch_zyx[0]}³ voxels at "
        f"{data.spacing_mm:g} mm each, one seed, judged on {joints} joints of heads held out "
        f"({', '.join(sorted(heads))}) within 24 mm (condyle) and 20 mm (temporal bone). The last "
        "two columns are the same joints as seen by the simulated cone-beam machine, which no row "
        "was trained on. With one seed rows differ by chance as well, and what makes the task "
        "harder costs a short training more than it gives: only what is large, and holds in longer "
        "trainings too, says something.",
        "",
        "| left out | MC Dice | TB Dice | MC Dice, cone beam | TB Dice, cone beam |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [
            f"{row.mean(measure, simulated=simulated):.3f}"
            for simulated in (False, True)
            for measure in ("condyle_dice", "bone_dice")
        ]
        lines.append(f"| {LEFT_OUT[row.name][0]} | {' | '.join(cells)} |")
    if len(rows) < len(LEFT_OUT):
        lines += ["", f"{len(rows)} of {len(LEFT_OUT)} rows are trained."]
    return "\n".join(lines) + "\n"
