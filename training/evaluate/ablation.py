"""What of the training matters: the whole recipe, and the recipe with one thing left out.

Every row is a training of its own with the same seed. It is judged on the heads that its fold holds
out, as they were scanned, and as a cone-beam machine would have scanned them: the simulated machine
of ``cone_beam_machine``, which no training sees, so that no row is judged by its own lesson.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from negvol_cli.geometry.grid import Volume
from negvol_cli.geometry.joint_frame import JointFrame
from negvol_cli.geometry.resample import resample
from training.augment.cone_beam import ConeBeamSettings, simulate_cone_beam
from training.config import ConfigError, Experiment, load_experiment
from training.data.cache import cached
from training.data.folds import Fold, folds_of
from training.data.joints import JointSample, as_stored
from training.data.sources import prepare, real_joints
from training.evaluate.ablation_page import SIMULATED, AblationPage, Row
from training.evaluate.held_out import JointScore, score_source
from training.evaluate.left_out import LEFT_OUT
from training.evaluate.scores import read_rows, write_rows
from training.loop.progress import frames_seen
from training.loop.side_by_side import run_side_by_side
from training.loop.tasks import sources_of
from training.loop.train import CHECKPOINT, KEPT, load_trained, train

SCORES: Final = "ablation.csv"
MACHINE_SEED: Final = 2021
VOXEL_MM: Final = 0.5
AIR_HU: Final = -1000.0
METHOD: Final = 1
"""Raise it when the machine would see the same joint otherwise, so that kept ones are made anew."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ablation:
    """Where the trainings lie, and what they are trained on.

    ``folds`` is how many folds of each row are trained, None for all; ``within`` the minutes that
    one training may take at most, 0 for any.
    """

    config: Path
    runs: Path
    out: Path
    pack: str = ""
    folds: int | None = None
    within: float = 0.0

    def make(self, names: Sequence[str] | None, say: Say) -> None:
        """Train and judge each row, or those called ``names``; the table is written after each.

        A row that is done is read again. Raises ConfigError for a name that is no row's.
        """
        for name in _known(names):
            if not self._scores(name).is_file():
                self.train_row(name, say)
                self.write_page(say)
        self.write_page(say)

    def make_at_once(self, names: Sequence[str] | None, at_once: int | None, say: Say) -> None:
        """Train and judge rows in processes of their own, ``at_once`` at a time (None: all).

        The table is written with the rows that are done, also where one fails; then ConfigError
        names it.
        """
        missing = [name for name in _known(names) if not self._scores(name).is_file()]
        self.prepare(missing, say)
        given = ["--config", str(self.config), "--runs", str(self.runs)]
        given += ["--pack", self.pack] if self.pack else []
        given += ["--first-folds", str(self.folds)] if self.folds else []
        given += ["--within", f"{self.within:g}"] if self.within else []
        commands = {name: ["ablate", "--row", name, *given, "--threads", "1"] for name in missing}
        try:
            run_side_by_side(commands, at_once or len(missing), say)
        finally:
            self.write_page(say)

    def prepare(self, names: Sequence[str] | None, say: Say) -> None:
        """Make what rows, all for None, learn from and are judged by."""
        say("preparing what the rows learn from and are judged by (once for each --runs)")
        whole = self._whole()
        for seed in {self.experiment(name).train.seed for name in _known(names)}:  # of phantoms
            prepare(whole.data, seed, self.runs / KEPT)
        held_out = {head for fold in folds_of(whole)[: self.folds] for head in fold.held_out}
        for joint in real_joints(whole.data, self.runs / KEPT):
            if joint.head in held_out:
                simulated(joint, _frame(joint, whole), self.runs / KEPT)

    def train_row(self, name: str, say: Say) -> None:
        """Train and judge one row. Raises ConfigError for a name that is no row's."""
        _known([name])
        experiment = self.experiment(name)
        folder = self.runs / experiment.name
        scores: list[JointScore] = []
        for fold in folds_of(experiment)[: self.folds]:
            train(experiment, folder / fold.name, fold.held_out, say, fold.validation)
            scores += judged(experiment, folder, fold, self.runs / KEPT)
            (folder / fold.name / CHECKPOINT).unlink(missing_ok=True)
        write_rows(scores, folder / SCORES)
        condyle = Row(name, scores, 0).mean("condyle_dice", simulated=False)
        say(f"{name}: condyle {condyle:.3f}")

    def write_page(self, say: Say) -> None:
        """Write the table of the rows that are done; none where none is."""
        rows = []
        for name in LEFT_OUT:
            if self._scores(name).is_file():
                scores = read_rows(JointScore, self._scores(name))
                frames = frames_seen(self._scores(name).parent, self.experiment(name).train.batch)
                rows.append(Row(name, scores, min(frames, default=0)))
        if not rows:
            say("no row is trained: there is no table yet")
            return
        self.out.parent.mkdir(parents=True, exist_ok=True)
        page = AblationPage(self._whole(), self.folds)
        self.out.write_text(page.text(rows), encoding="utf-8")
        say(f"{len(rows)} of {len(LEFT_OUT)} rows in {self.out}")

    def _whole(self) -> Experiment:
        whole = load_experiment(self.config)
        changes: dict[str, dict[str, Any]] = {"train": {"within_minutes": self.within}}
        if self.pack:
            changes["data"] = {"pack": self.pack, "dataset": ""}
        return whole.changed(**changes)

    def experiment(self, name: str) -> Experiment:
        """The experiment of a row, called after it."""
        whole = self._whole()
        return LEFT_OUT[name][1](whole).model_copy(update={"name": f"{whole.name}-{name}"})

    def _scores(self, name: str) -> Path:
        return self.runs / self.experiment(name).name / SCORES


def _known(names: Sequence[str] | None) -> list[str]:
    """The rows called so, all for None, in the table's order. Raises ConfigError."""
    for name in names or ():
        if name not in LEFT_OUT:
            raise ConfigError(f"the rows are called {', '.join(LEFT_OUT)}, not {name!r}")
    return [name for name in LEFT_OUT if names is None or name in names]


def judged(experiment: Experiment, folder: Path, fold: Fold, kept: Path | None) -> list[JointScore]:
    """The held-out joints as they were scanned, then as the machine would have scanned them."""
    network = load_trained(experiment, folder / fold.name, len(experiment.data.channels))
    joints = [j for j in real_joints(experiment.data, kept) if j.head in fold.held_out]
    seen = [simulated(joint, _frame(joint, experiment), kept) for joint in joints]
    sources = sources_of([*joints, *seen], experiment, "cpu")
    return [score_source(network, source, experiment) for source in sources]


def _frame(joint: JointSample, experiment: Experiment) -> JointFrame:
    return joint.frame(experiment.data.spacing_mm, experiment.data.size_zyx[0])


def simulated(joint: JointSample, frame: JointFrame, kept: Path | None = None) -> JointSample:
    """A joint as a cone-beam machine, drawn by the joint's name, would have scanned it.

    Its CT lies on the grid of ``frame``, in which it is judged; with ``kept``, a folder, it is
    written there and read again.
    """
    if joint.ct is None:
        raise ConfigError(f"{joint.head} has labels only, no CT")
    content = hashlib.sha256(np.ascontiguousarray(joint.ct.values_zyx).tobytes())
    content.update(repr((METHOD, joint.head, joint.ct.grid, frame.grid)).encode())
    name = f"simulated-{content.hexdigest()[:32]}"
    values = cached(kept, name, partial(_scanned, joint, joint.ct, frame))
    return replace(joint, head=joint.head + SIMULATED, ct=Volume(values, frame.grid))


def _scanned(joint: JointSample, ct: Volume, frame: JointFrame) -> npt.NDArray[np.int16]:
    seed = [MACHINE_SEED, *f"{joint.head} {joint.side}".encode()]
    machine = replace(
        ConeBeamSettings.draw(np.random.default_rng(seed)),
        voxel_mm=VOXEL_MM,
        diameter_mm=100.0,
        height_mm=100.0,
        padding_hu=AIR_HU,
    )
    seen = resample(simulate_cone_beam(ct, sum(seed), machine), frame.grid)
    return np.asarray(as_stored(Volume(seen, frame.grid)).values_zyx)
