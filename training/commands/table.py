"""``python -m training table``."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import (
    explained,
    minutes_option,
    pack_option,
    runs_option,
    say,
    threads_option,
    use_threads,
    within_option,
)


@click.command("table")
@click.option(
    "--out",
    default="docs/paper_table.md",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The page to write.",
)
@click.option(
    "--reduced",
    is_flag=True,
    help="Small and short: minutes on a large GPU, a night without.",
)
@minutes_option
@within_option
@click.option(
    "--first-folds",
    type=click.IntRange(min=1),
    help="Train and judge only so many folds of each network; with --minutes 1 unless given.",
)
@pack_option
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    help="Train so many networks at once, each in a process; with --minutes all unless given.",
)
@click.option("--done", is_flag=True, help="Train nothing: write the table of what is trained.")
@click.option("--cell", hidden=True, help="Only this cell, and no page.")
@runs_option
@threads_option
@explained
def table(
    *,
    out: Path,
    reduced: bool,
    minutes: float | None,
    within: float | None,
    first_folds: int | None,
    pack: Path | None,
    at_once: int | None,
    done: bool,
    cell: str | None,
    runs: Path,
    threads: int | None,
) -> None:
    """Train and judge five networks on MC, TB and NV, and write the paper's table of them.

    With --minutes the fifteen trainings run side by side on one device, for so long each, and with
    --at-once so many of them, by minutes or by steps.
    """
    from training.evaluate.cells import OBJECTS, ROWS, TableRun
    from training.evaluate.table import make_table, train_cell, train_cells_at_once, write_done

    use_threads(threads)
    run = TableRun(
        reduced=reduced,
        minutes=minutes or 0.0,
        within=within or 0.0,
        pack=str(pack or ""),
        folds=first_folds or (1 if minutes else None),
    )
    if cell:
        train_cell(cell, run, runs, say)
        return
    if done:
        write_done(run, runs, out, say)
    elif minutes or at_once:
        try:
            train_cells_at_once(run, runs, at_once or len(ROWS) * len(OBJECTS), threads, say)
        finally:
            write_done(run, runs, out, say)
    else:
        make_table(run, runs, out, say)
