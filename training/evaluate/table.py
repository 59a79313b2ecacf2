"""Making the paper's Table 1: every cell trained and judged, one after the other or at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Final

from training.config import ConfigError
from training.data.sources import prepare
from training.evaluate.cells import OBJECTS, ROWS, Cell, TableRun, load_cells
from training.evaluate.crossval import CrossValidation, cross_validate, finished
from training.evaluate.table_page import page, percent
from training.loop.side_by_side import run_side_by_side
from training.loop.train import KEPT

LARGEST_WEIGHTS: Final = 15_000_000
"""Bytes: what may come back from a machine on loan."""


def make_table(run: TableRun, runs: Path, out: Path, say: Callable[[str], None]) -> None:
    """Train and judge every cell below ``runs`` and write the table so far after each.

    A cell that is done is read again. Raises ConfigError.
    """
    done: list[Cell] = []
    for (row, name), experiment in load_cells(run).items():
        result = cross_validate(experiment, runs, say, first=run.folds)
        done.append(_cell(row, name, run, result))
        _write(done, run, runs, out)
        say(f"{experiment.name}: Dice {percent(result.summaries[0])}, table in {out}")


def write_done(run: TableRun, runs: Path, out: Path, say: Callable[[str], None]) -> None:
    """Write the table of the cells that are done below ``runs``; none where none is."""
    done = [
        _cell(row, name, run, result)
        for (row, name), experiment in load_cells(run).items()
        if (result := finished(experiment, runs, run.folds))
    ]
    if not done:
        say("no cell is done: there is no table yet")
        return
    _write(done, run, runs, out)
    say(f"{len(done)} of {len(ROWS) * len(OBJECTS)} cells are done, table in {out}")


def train_cells_at_once(
    run: TableRun, runs: Path, at_once: int, threads: int | None, say: Callable[[str], None]
) -> None:
    """Train and judge the cells below ``runs`` in processes of their own, ``at_once`` at a time.

    ``make_table`` then finds them done. Raises ConfigError where one fails, once the others are
    done.
    """
    say("preparing the data that the networks learn from (minutes, once for each --runs)")
    for experiment in {e.data.object: e for e in load_cells(run).values()}.values():
        prepare(experiment.data, experiment.train.seed, runs / KEPT)
    commands = {
        f"{name} {row}": [
            "table",
            *("--cell", f"{name}-{row}", "--runs", str(runs)),
            *(["--reduced"] if run.reduced else []),
            *(["--minutes", f"{run.minutes:g}"] if run.minutes else []),
            *(["--within", f"{run.within:g}"] if run.within else []),
            *(["--pack", run.pack] if run.pack else []),
            *(["--first-folds", str(run.folds)] if run.folds else []),
            *(["--threads", str(threads)] if threads else []),
        ]
        for row in ROWS
        for name in OBJECTS
    }
    run_side_by_side(commands, at_once, say)


def train_cell(cell: str, run: TableRun, runs: Path, say: Callable[[str], None]) -> None:
    """Train and judge one cell, such as "mc-v-net-dice". Raises ConfigError for one that is not."""
    cells = {f"{name}-{row}": (row, name) for row in ROWS for name in OBJECTS}
    if cell not in cells:
        raise ConfigError(f"--cell must be one of {', '.join(cells)}, got {cell!r}")
    experiment = run.experiment(*cells[cell])
    cross_validate(experiment, runs, say, first=run.folds, largest_weights=LARGEST_WEIGHTS)


def _write(done: list[Cell], run: TableRun, runs: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page(done, runs, run), encoding="utf-8")


def _cell(row: str, name: str, run: TableRun, result: CrossValidation) -> Cell:
    folds = sorted({score.fold for score in result.scores})
    dice = (mean(s.dice for s in result.scores if s.fold == fold) for fold in folds)
    summaries = {summary.measure: summary for summary in result.summaries}
    return Cell(row, name, run.experiment(row, name), summaries, tuple(dice))
