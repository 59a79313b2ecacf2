"""``python -m training check``."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import explained, say


@click.command("check")
@click.option(
    "--dataset", required=True, type=click.Path(path_type=Path), help="A dataset.toml of your own."
)
@explained
def check(dataset: Path) -> None:
    """List everything that is wrong with a dataset; exit code 1 where something is."""
    from training.data.dataset_check import require_sound
    from training.data.dataset_toml import read_dataset

    described = read_dataset(dataset)
    require_sound(described)
    joints = sum(len(case.drawn) for case in described.cases)
    patients = len({case.patient for case in described.cases})
    say(
        f"{described.name}: {patients} patients, {len(described.cases)} scans, {joints} joints "
        "drawn; nothing is wrong"
    )
