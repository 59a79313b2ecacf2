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
@pack_option
@runs_option
@threads_option
@explained
def ablate(
    *,
    config: Path,
    only: str | None,
    first_folds: int | None,
    out: Path,
    pack: Path | None,
    runs: Path,
    threads: int | None,
) -> None:
    """Train the recipe whole and with one thing left out at a time; writes a table of both."""
    from training.evaluate.ablation import Ablation

    use_threads(threads)
    names = tuple(part.strip() for part in only.split(",")) if only else None
    Ablation(config, runs, out, str(pack or ""), first_folds).make(names, say)
