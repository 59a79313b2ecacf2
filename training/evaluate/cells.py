"""The cells of the paper's Table 1: five networks and losses on three objects."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from training.config import Experiment, load_experiment
from training.evaluate.scores import Summary

CONFIGS: Final = Path(__file__).parents[1] / "configs"
REDUCED: Final = CONFIGS / "base" / "reduced.toml"
OBJECTS: Final = {"mc": "MC", "tb": "TB", "nv": "NV"}
ROWS: Final = {
    "u-net": "3D U-Net",
    "attention-u-net": "3D U-Net + attention",
    "v-net-ce": "V-Net CE",
    "v-net-dice": "V-Net D",
    "v-net-dice-ce": "V-Net D+CE",
}
PAPER: Final = {
    ("v-net-dice-ce", "mc"): ("91.4 ± 4.8", "10.5"),
    ("v-net-dice", "tb"): ("76.7 ± 6.8", "28.3"),
    ("v-net-dice", "nv"): ("78.2 ± 8.3", "18.3"),
}
"""Dice in per cent and HD in voxels of 0.4 mm, of Belikova et al., Table 1: the best per object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRun:
    """How the table is made: in full, or smaller; by steps, or for ``minutes`` a training.

    ``within`` is how many minutes a training by steps may take at most, 0 for any. ``pack`` is a
    file of packed joints to train on instead of the data folder; of each cell's folds only the
    first ``folds`` are trained and judged, where that is not None.
    """

    reduced: bool = False
    minutes: float = 0.0
    within: float = 0.0
    pack: str = ""
    folds: int | None = None

    @property
    def command(self) -> str:
        """What makes the table."""
        parts = ["python -m training table"]
        parts += ["--reduced"] if self.reduced else []
        parts += [f"--minutes {self.minutes:g}"] if self.minutes else []
        parts += [f"--within {self.within:g}"] if self.within else []
        parts += [f"--first-folds {self.folds}"] if self.folds else []
        return " ".join(parts)

    def config(self, row: str, name: str) -> Path:
        """The file of one cell's experiment."""
        return CONFIGS / f"{name}-{row}.toml"

    def experiment(self, row: str, name: str) -> Experiment:
        """The experiment of one cell, called by what is different in it from the file's own."""
        experiment = load_experiment(self.config(row, name), REDUCED if self.reduced else None)
        called = experiment.name + ("-reduced" if self.reduced else "")
        changes: dict[str, dict[str, Any]] = {}
        if self.minutes:
            called += f"-{self.minutes:g}-min"
            changes["train"] = {"minutes": self.minutes, "within_minutes": self.within}
        elif self.within:
            changes["train"] = {"within_minutes": self.within}
        if self.pack:
            changes["data"] = {"pack": self.pack}
        return experiment.changed(**changes).model_copy(update={"name": called})


@dataclass(frozen=True, slots=True)
class Cell:
    """One network and loss on one object, and what became of it.

    ``dice`` is the mean Dice over the joints that each fold holds out, fold by fold.
    """

    row: str
    object: str
    experiment: Experiment
    summaries: dict[str, Summary]
    dice: tuple[float, ...]


def load_cells(run: TableRun) -> dict[tuple[str, str], Experiment]:
    """The experiments of the table, row by row."""
    return {(row, name): run.experiment(row, name) for row in ROWS for name in OBJECTS}
