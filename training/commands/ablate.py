"""``python -m training ablate``."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import (
    explained,
    pack_option,
    runs_option,
    say,
    threads_option,
    use_threads,
    within_option,
)


@click.command("ablate")
@click.option(
    "--config",
    default="training/configs/ablation.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The whole recipe, at a size that can be trained many times.",
)
@click.option("--only", help="Only these rows, by name, separated by commas.")
@click.option("--first-folds", type=click.IntRange(min=1), help="Only so many folds of each.")
@click.option(
    "--out", default="docs/ablation.md", show_default=True, type=click.Path(path_type=Path)
)
@within_option
@pack_option
@click.option("--side-by-side", is_flag=True, help="All rows at once, each in a process.")
@click.option("--at-once", type=click.IntRange(min=1), help="With --side-by-side: how many.")
@click.option("--prepare", is_flag=True, help="Only make what rows learn from and are judged by.")
@click.option("--done", is_flag=True, help="Train nothing: write the table of what is trained.")
@click.option("--row", hidden=True, help="Only this row, and no page.")
@runs_option
@threads_option
@explained
def ablate(
    *,
    config: Path,
    only: str | None,
    first_folds: int | None,
    out: Path,
    within: float | None,
    pack: Path | None,
    side_by_side: bool,
    at_once: int | None,
    prepare: bool,
    done: bool,
    row: str | None,
    runs: Path,
    threads: int | None,
) -> None:
    """Train the recipe whole and with one thing left out at a time; writes a table of both."""
    from training.evaluate.ablation import Ablation

    use_threads(threads)
    names = tuple(part.strip() for part in only.split(",")) if only else None
    made = Ablation(config, runs, out, str(pack or ""), first_folds, within or 0.0)
    if prepare:
        made.prepare(names, say)
    elif row:
        made.train_row(row, say)
    elif done:
        made.write_page(say)
    elif side_by_side:
        made.make_at_once(names, at_once, say)
    else:
        made.make(names, say)
