"""The page that shows what became of the recipe when one thing was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.config import Experiment
from training.evaluate.held_out import JointScore
from training.evaluate.left_out import LEFT_OUT

SIMULATED: Final = " (simulated cone beam)"
MEASURES: Final = ("condyle_dice", "bone_dice")


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one row, as scanned and as simulated; a head's ``head`` says which.

    ``frames`` is how many images the network of the row, or the least trained of them, has seen.
    """

    name: str
    scores: Sequence[JointScore]
    frames: int

    def mean(self, measure: str, *, simulated: bool) -> float:
        """The mean of one measure over the joints of one kind."""
        of_kind = [s for s in self.scores if s.head.endswith(SIMULATED) == simulated]
        return float(np.mean([getattr(score, measure) for score in of_kind]))


@dataclass(frozen=True, slots=True)
class AblationPage:
    """The page of an ablation of ``whole``, its first ``folds`` folds (None: all)."""

    whole: Experiment
    folds: int | None

    def text(self, rows: Sequence[Row]) -> str:
        """The table in markdown, and on what it stands."""
        lines = [
            "# What of the training matters",
            "",
            self._conditions(rows),
            "",
            "| left out | frames | MC Dice | TB Dice | MC Dice, cone beam | TB Dice, cone beam |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for row in rows:
            cells = [
                f"{row.mean(measure, simulated=simulated):.3f}"
                for simulated in (False, True)
                for measure in MEASURES
            ]
            lines.append(f"| {LEFT_OUT[row.name][0]} | {row.frames} | {' | '.join(cells)} |")
        if len(rows) < len(LEFT_OUT):
            lines += ["", f"{len(rows)} of {len(LEFT_OUT)} rows are trained."]
        return "\n".join(lines) + "\n"

    def _conditions(self, rows: Sequence[Row]) -> str:
        train, data = self.whole.train, self.whole.data
        heads = {score.head.removesuffix(SIMULATED) for row in rows for score in row.scores}
        joints = sum(not score.head.endswith(SIMULATED) for score in rows[0].scores)
        last = f"{train.minutes:g} minutes" if train.minutes else f"{train.steps} steps"
        if train.within_minutes:
            last += f", or as many as {train.within_minutes:g} minutes held,"
        return (
            "Made by `python -m training ablate`"
            + (f" with `--first-folds {self.folds}`" if self.folds else "")
            + f": {last} of {train.batch} frames of {data.patch_zyx[0]}³ voxels at "
            f"{data.spacing_mm:g} mm each, one seed, judged on {joints} joints of heads held out "
            f"({', '.join(sorted(heads))}) within 24 mm (condyle) and 20 mm (temporal bone). The "
            "last two columns are the same joints as seen by the simulated cone-beam machine, "
            "which no row was trained on. Rows differ by chance as well, as the same recipe with "
            "another seed shows, and what makes the task harder costs a short training more than "
            "it gives: only what is larger than chance, and holds in longer trainings too, says "
            "something."
        )
